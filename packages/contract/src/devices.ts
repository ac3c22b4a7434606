/**
 * `/api/v1/devices`: the devices, and for one device its volumes, protectors, stored keys,
 * exposures and rotations.
 */
import { Type, type Static } from 'typebox'
import { DeviceFacts } from './device.ts'
import { Exposure } from './exposures.ts'
import { Guid, NextAfter, PageQuery, Search, StrictObject, Timestamp } from './fields.ts'
import { RecoveryKey } from './recovery-keys.ts'
import { Rotation } from './rotations.ts'
import { UserReference } from './users.ts'
import { Protection, ProtectorType, VolumeStatus, VolumeType } from './words.ts'

const deviceFields = {
  id: Guid('Device'),
  facts: DeviceFacts,
  groupName: Type.Optional(Type.String({ description: 'Group that its enrolment token gave it' })),
  agentVersion: Type.Optional(
    Type.String({ description: 'Version of the agent at its last check-in' }),
  ),
  enrolledAt: Timestamp('When it enrolled'),
  owner: Type.Optional(UserReference),
  lastSeenAt: Type.Optional(Timestamp('Its last check-in, to within a few seconds')),
}

export const DeviceSummary = StrictObject(deviceFields)
export type DeviceSummary = Static<typeof DeviceSummary>

export const DeviceQuery = StrictObject({
  ...PageQuery,
  search: Type.Optional(
    Search('Beginning of the computer name or the serial number; case is free'),
  ),
})
export type DeviceQuery = Static<typeof DeviceQuery>

export const DevicePage = StrictObject({ items: Type.Array(DeviceSummary), nextAfter: NextAfter })
export type DevicePage = Static<typeof DevicePage>

export const DeviceVolume = StrictObject({
  id: Guid('Volume'),
  type: VolumeType,
  mountPoint: Type.Optional(Type.String({ description: 'Drive letter or mount folder' })),
  status: VolumeStatus,
  protection: Protection,
  encryptionMethod: Type.Optional(Type.String({ description: 'As the device reported it' })),
  reportedAt: Timestamp('When the device last reported a change of this volume'),
  protectorsReadAt: Type.Optional(
    Timestamp('When the protector list last changed; absent if it could never be read'),
  ),
  protectors: Type.Array(
    StrictObject({
      id: Guid('Protector'),
      type: ProtectorType,
      hasStoredKey: Type.Boolean({
        description: 'For a recovery password: false means that nobody could unlock with it',
      }),
    }),
  ),
})
export type DeviceVolume = Static<typeof DeviceVolume>

export const StoredKey = StrictObject({
  ...RecoveryKey.properties,
  isOnDisk: Type.Union([Type.Boolean(), Type.Null()], {
    description: 'By the last list of the volume; null where no list was ever reported',
  }),
})
export type StoredKey = Static<typeof StoredKey>

export const DeviceDetail = StrictObject({
  ...deviceFields,
  volumes: Type.Array(DeviceVolume),
  keys: Type.Array(StoredKey),
  exposures: Type.Array(Exposure),
  rotations: Type.Array(Rotation),
})
export type DeviceDetail = Static<typeof DeviceDetail>

export const DeviceParams = StrictObject({ deviceId: Guid('Device') })
export type DeviceParams = Static<typeof DeviceParams>
