/**
 * `POST /device/v1/escrow`: a device hands over one recovery key, sealed to the vault. 201 the
 * first time, 200 when the same key comes again, with a byte-identical receipt; 409
 * PROTECTOR_CONFLICT for another key under the same (device, volume, protector). A receipt means:
 * committed, and opened by the server.
 */
import { Type, type Static } from 'typebox'
import { Base64Url, Guid, StrictObject, Text } from './fields.ts'
import { LIMITS } from './limits.ts'
import { VolumeType } from './words.ts'

export const EscrowRequest = StrictObject({
  volumeId: Guid('GUID of the BitLocker volume'),
  volumeType: VolumeType,
  mountPoint: Type.Optional(Text(LIMITS.mountPointLengthMax, 'Drive letter or mount folder')),
  protectorId: Guid('GUID of the recovery password protector: the recovery key ID'),
  sealedKey: Base64Url(
    LIMITS.sealedKeyBytes,
    'The 16-byte recovery key sealed to the vault (docs/spec/sealed-key.md)',
  ),
  protectorEntry: Type.Optional(
    Base64Url(
      LIMITS.protectorEntryBytesMax,
      'The whole on-disk datum of the protector, as proof that the key opens the volume',
    ),
  ),
})
export type EscrowRequest = Static<typeof EscrowRequest>

export const EscrowResponse = StrictObject({
  receipt: Type.String({
    maxLength: LIMITS.receiptLengthMax,
    description: 'Compact JWS (docs/spec/receipt.md)',
  }),
})
export type EscrowResponse = Static<typeof EscrowResponse>
