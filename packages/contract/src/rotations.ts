/** `/api/v1/rotations` and `/api/v1/devices/{deviceId}/rotations`: replacing recovery passwords on the disk. */
import { Type, type Static } from 'typebox'
import { Guid, NextAfter, PageQuery, StrictObject, Timestamp } from './fields.ts'
import { RotationState, RotationTrigger } from './words.ts'

export const Rotation = StrictObject({
  id: Guid('The rotation; the same ID as the action that the device gets'),
  deviceId: Guid('Device'),
  volumeId: Guid('Volume'),
  protectorId: Guid('Protector to be replaced'),
  trigger: RotationTrigger,
  state: RotationState,
  attempt: Type.Integer({
    description: 'From 1; a failed rotation is tried again while it is needed',
  }),
  requestedAt: Timestamp('When it was asked for'),
  notBefore: Timestamp('The device is told at its first check-in after this'),
  deliveredAt: Type.Optional(Timestamp('When the device was first told')),
  finishedAt: Type.Optional(Timestamp('When it was done, failed or found not supported')),
  detailCode: Type.Optional(Type.String({ description: "The device's word on what went wrong" })),
})
export type Rotation = Static<typeof Rotation>

export const RotationQuery = StrictObject({
  ...PageQuery,
  state: Type.Optional(RotationState),
  deviceId: Type.Optional(Guid('Only rotations of this device')),
})
export type RotationQuery = Static<typeof RotationQuery>

export const RotationPage = StrictObject({ items: Type.Array(Rotation), nextAfter: NextAfter })
export type RotationPage = Static<typeof RotationPage>

/** Without a volume and a protector: every active recovery password of the device. */
export const RequestRotations = StrictObject({
  volumeId: Type.Optional(Guid('Only this volume')),
  protectorId: Type.Optional(Guid('Only this protector')),
})
export type RequestRotations = Static<typeof RequestRotations>

export const RequestedRotations = StrictObject({ items: Type.Array(Rotation) })
export type RequestedRotations = Static<typeof RequestedRotations>
