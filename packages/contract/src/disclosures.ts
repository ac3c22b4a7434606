/**
 * `POST /api/v1/disclosures`: shows one recovery password to one person or program, for a reason,
 * and leaves an exposure behind. The answer is the only place where a recovery password leaves the
 * server; it is never cached and never in a URL. Owners have `POST /api/v1/me/disclosures`
 * (`self-service.ts`) with the same answer.
 */
import { Type, type Static } from 'typebox'
import { Guid, MultilineText, StrictObject, Text, Timestamp } from './fields.ts'
import { LIMITS } from './limits.ts'
import { KeyState, ReasonCode, VolumeType } from './words.ts'

export const DisclosureReason = StrictObject({
  code: ReasonCode,
  text: Type.Optional(
    MultilineText(LIMITS.reasonTextLengthMax, 'In words; needed where the code is `other`'),
  ),
  ticket: Type.Optional(Text(LIMITS.ticketLengthMax, 'Number in the ticket system')),
})
export type DisclosureReason = Static<typeof DisclosureReason>

export const CreateDisclosure = StrictObject({
  recoveryKeyId: Guid('The whole recovery key ID'),
  deviceId: Type.Optional(Guid('Needed where two devices hold a key with this ID')),
  reason: DisclosureReason,
  approvalId: Type.Optional(
    Guid('The approved request, for the same key and with the same reason; it is used up'),
  ),
  emergency: Type.Optional(
    Type.Boolean({
      description:
        'Where approval is demanded: show it now and have it reviewed afterwards. Everybody who ' +
        'watches is told; `reason.text` must say why it cannot wait',
    }),
  ),
})
export type CreateDisclosure = Static<typeof CreateDisclosure>

export const Disclosure = StrictObject({
  disclosureId: Guid('The disclosure'),
  recoveryKeyId: Guid('GUID of the protector'),
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
  keyState: KeyState,
  recoveryPassword: Type.String({ description: 'Eight groups of six digits with hyphens' }),
  shownForSeconds: Type.Integer({
    description: 'Hide the recovery password after this many seconds',
  }),
  expiresAt: Timestamp('The moment by which it must be hidden'),
  exposureId: Guid('The exposure that this disclosure opened'),
  rotationId: Type.Optional(Guid('The rotation that is to close it; absent for a superseded key')),
  approvalId: Type.Optional(
    Guid('The approval that was used up, or the emergency that now waits for its review'),
  ),
  auditEntryId: Type.String({
    description: 'The entry that recorded the request before the key was opened',
  }),
})
export type Disclosure = Static<typeof Disclosure>
