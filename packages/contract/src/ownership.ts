/**
 * `/api/v1/devices/:deviceId/owner` and `/api/v1/users/:userId/devices`: to whom a device belongs.
 * Roles and their scopes do not depend on it; self-service does.
 */
import { Type, type Static } from 'typebox'
import { Guid, NextAfter, OneOf, PageQuery, StrictObject, Timestamp } from './fields.ts'
import { UserReference } from './users.ts'

export const OwnerChangeCause = OneOf(
  ['byHand', 'import', 'enrollment', 'ownerDeleted'],
  'Why: somebody said so, by one request or a CSV file; a person enrolled the device; the owner was deleted',
)

export const SetOwner = StrictObject({ userId: Guid('The new owner') })
export type SetOwner = Static<typeof SetOwner>

export const OwnerChange = StrictObject({
  changedAt: Timestamp('When it changed'),
  from: Type.Optional(UserReference),
  to: Type.Optional(UserReference),
  cause: OwnerChangeCause,
})
export type OwnerChange = Static<typeof OwnerChange>

export const DeviceOwnership = StrictObject({
  owner: Type.Optional(UserReference),
  history: Type.Array(OwnerChange, { description: 'Newest first: one page at most' }),
})
export type DeviceOwnership = Static<typeof DeviceOwnership>

export const OwnedDeviceQuery = StrictObject(PageQuery)
export type OwnedDeviceQuery = Static<typeof OwnedDeviceQuery>

export const OwnedDevice = StrictObject({
  id: Guid('Device'),
  name: Type.String({ description: 'Computer name' }),
  enrolledAt: Timestamp('When it enrolled'),
})
export type OwnedDevice = Static<typeof OwnedDevice>

export const OwnedDevicePage = StrictObject({
  items: Type.Array(OwnedDevice),
  nextAfter: NextAfter,
})
export type OwnedDevicePage = Static<typeof OwnedDevicePage>
