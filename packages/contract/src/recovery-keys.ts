/**
 * `/api/v1/recovery-keys`: what is stored, without any recovery password. Search by the ID on the
 * recovery screen.
 */
import { Type, type Static } from 'typebox'
import { Guid, NextAfter, PageQuery, StrictObject, Timestamp } from './fields.ts'
import { LIMITS } from './limits.ts'
import { KeyState, ProofState, VolumeType } from './words.ts'

export const RecoveryKey = StrictObject({
  recoveryKeyId: Guid('GUID of the protector, as the recovery screen shows it'),
  device: StrictObject({
    id: Guid('Device'),
    name: Type.String({ description: 'Computer name at its last check-in' }),
  }),
  volume: StrictObject({
    id: Guid('Volume'),
    type: VolumeType,
    mountPoint: Type.Optional(
      Type.String({ description: 'Drive letter or mount folder at escrow' }),
    ),
  }),
  state: KeyState,
  proof: ProofState,
  escrowedAt: Timestamp('When the key was stored'),
  supersededAt: Type.Optional(Timestamp('When the device reported the protector gone')),
  isExposed: Type.Boolean({ description: 'It was disclosed and not yet replaced' }),
})
export type RecoveryKey = Static<typeof RecoveryKey>

export const RecoveryKeyQuery = StrictObject({
  ...PageQuery,
  keyId: Type.Optional(
    Type.String({
      pattern: '^\\s*\\{?[0-9A-Fa-f-]{8,36}\\}?\\s*$',
      minLength: LIMITS.keyIdPrefixLengthMin,
      maxLength: 64,
      description:
        'Recovery key ID, whole or its first 8 or more characters; case and braces are free',
    }),
  ),
  deviceId: Type.Optional(Guid('Only keys of this device')),
})
export type RecoveryKeyQuery = Static<typeof RecoveryKeyQuery>

export const RecoveryKeyPage = StrictObject({
  items: Type.Array(RecoveryKey, { description: 'Active keys first, then the newest first' }),
  nextAfter: NextAfter,
})
export type RecoveryKeyPage = Static<typeof RecoveryKeyPage>
