/**
 * `/api/v1/exposures`: recovery passwords that were shown and still work, as far as the disk has
 * proven.
 */
import { Type, type Static } from 'typebox'
import { Guid, NextAfter, PageQuery, StrictObject, Timestamp } from './fields.ts'
import { ExposureState, RotationState } from './words.ts'

export const Exposure = StrictObject({
  id: Guid('The exposure'),
  disclosureId: Guid('The disclosure that opened it'),
  deviceId: Guid('Device'),
  volumeId: Guid('Volume'),
  protectorId: Guid('The protector that was disclosed: the recovery key ID'),
  state: ExposureState,
  openedAt: Timestamp('When the recovery password was disclosed'),
  closedAt: Type.Optional(
    Timestamp('When a check-in proved the protector gone and its successor stored'),
  ),
  successorProtectorId: Type.Optional(Guid('A stored protector that was on the disk then')),
  rotationId: Type.Optional(Guid('The newest rotation that is to close it')),
  rotationState: Type.Optional(RotationState),
})
export type Exposure = Static<typeof Exposure>

export const ExposureQuery = StrictObject({
  ...PageQuery,
  state: Type.Optional(ExposureState),
  deviceId: Type.Optional(Guid('Only exposures of this device')),
})
export type ExposureQuery = Static<typeof ExposureQuery>

export const ExposurePage = StrictObject({ items: Type.Array(Exposure), nextAfter: NextAfter })
export type ExposurePage = Static<typeof ExposurePage>
