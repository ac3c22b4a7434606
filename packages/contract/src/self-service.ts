/**
 * `/api/v1/me/…`: what the owner of a device may do for himself, and `/api/v1/self-service-policy`:
 * the rules of it. The switch has Microsoft Graph's name (`authorizationPolicy`). Rules and their
 * precedence: docs/self-service.md.
 */
import { Type, type Static } from 'typebox'
import { DisclosureReason } from './disclosures.ts'
import { Guid, NextAfter, OneOf, PageQuery, StrictObject, Text, Timestamp } from './fields.ts'
import { LIMITS } from './limits.ts'
import { KeyState, VolumeType } from './words.ts'

/** A bound that can be lifted. */
function Nullable<T extends ReturnType<typeof Type.Integer> | ReturnType<typeof Text>>(schema: T) {
  return Type.Union([schema, Type.Null()])
}

const PerTime = (time: string) =>
  Nullable(
    Type.Integer({
      minimum: 1,
      maximum: LIMITS.budgetCountMax,
      description:
        `Recovery passwords that one owner is shown in ${time}; ` +
        'where both are null, KEYDESK_DISCLOSURE_BUDGET is the bound',
    }),
  )

const PolicySettings = {
  allowedToReadBitlockerKeysForOwnedDevice: Type.Boolean({
    description: 'Whether owners may be shown keys, where no group says otherwise',
  }),
  requiresEncryption: Type.Boolean({
    description: 'The volume must have reported itself encrypted',
  }),
  seenWithinDays: Nullable(
    Type.Integer({
      minimum: 1,
      maximum: LIMITS.selfServiceDaysMax,
      description: 'The device must have checked in within so many days; null: whenever',
    }),
  ),
  keyIdMustBeTyped: Type.Boolean({
    description: 'The owner types the key ID from the recovery screen: lists do not show it',
  }),
  hourlyLimit: PerTime('an hour'),
  dailyLimit: PerTime('a day'),
  helpdeskContact: Nullable(
    Text(LIMITS.helpdeskContactLengthMax, 'How to reach the helpdesk; every refusal says it'),
  ),
}

export const SelfServiceEffect = OneOf(
  ['allow', 'deny'],
  'What members of the group may, whatever the switch says; a deny wins among the groups of a user',
)

export const SelfServicePolicy = StrictObject({
  ...PolicySettings,
  groups: Type.Array(
    StrictObject({
      groupId: Guid('Group of users'),
      displayName: Type.String({ description: 'Name of the group' }),
      effect: SelfServiceEffect,
    }),
    { description: 'Overrides of the switch, by name' },
  ),
})
export type SelfServicePolicy = Static<typeof SelfServicePolicy>

export const UpdateSelfServicePolicy = Type.Partial(StrictObject(PolicySettings), {
  minProperties: 1,
  additionalProperties: false,
})
export type UpdateSelfServicePolicy = Static<typeof UpdateSelfServicePolicy>

export const SetSelfServiceGroup = StrictObject({ effect: SelfServiceEffect })
export type SetSelfServiceGroup = Static<typeof SetSelfServiceGroup>

export const SelfServiceGroupParams = StrictObject({ groupId: Guid('Group of users') })

export const OwnDevice = StrictObject({
  id: Guid('Device'),
  name: Type.String({ description: 'Computer name at its last check-in' }),
  manufacturer: Type.Optional(Type.String({ description: 'As the firmware says' })),
  model: Type.Optional(Type.String({ description: 'As the firmware says' })),
  serialNumber: Type.Optional(Type.String({ description: 'As the firmware says' })),
  lastSeenAt: Type.Optional(Timestamp('When it last checked in')),
  encryption: OneOf(
    ['encrypted', 'inProgress', 'notEncrypted', 'unknown'],
    'Of its least protected volume, by its last report; `unknown`: it never reported one',
  ),
  hasKey: Type.Boolean({ description: 'A recovery password of it is stored' }),
})
export type OwnDevice = Static<typeof OwnDevice>

export const OwnDeviceQuery = StrictObject(PageQuery)
export type OwnDeviceQuery = Static<typeof OwnDeviceQuery>

export const OwnDevicePage = StrictObject({
  items: Type.Array(OwnDevice, { description: 'By name' }),
  nextAfter: NextAfter,
})
export type OwnDevicePage = Static<typeof OwnDevicePage>

export const OwnDeviceParams = StrictObject({ deviceId: Guid('Device') })

/** Why an owner is not shown a key: the `condition` of SELF_SERVICE_REFUSED. */
export const SELF_SERVICE_CONDITIONS = [
  'restricted',
  'noKeyStored',
  'notEncrypted',
  'notSeen',
  'keyIdMismatch',
  'keyIdAmbiguous',
] as const
export type SelfServiceCondition = (typeof SELF_SERVICE_CONDITIONS)[number]

export const RecoveryStatus = StrictObject({
  isAllowed: Type.Boolean({ description: 'Whether the owner would be shown a key now' }),
  condition: Type.Optional(OneOf(SELF_SERVICE_CONDITIONS, 'What stands against it')),
  detail: Type.Optional(
    Type.String({ description: 'The same in plain words, and how to reach the helpdesk' }),
  ),
  keyIdMustBeTyped: Type.Boolean({
    description: 'Type 8 or more characters of the key ID from the recovery screen',
  }),
  approvalDemanded: Type.Boolean({
    description: 'A second person must approve first: POST /api/v1/me/approval-requests',
  }),
  helpdeskContact: Type.Optional(Type.String({ description: 'How to reach the helpdesk' })),
})
export type RecoveryStatus = Static<typeof RecoveryStatus>

export const OwnRecoveryKey = StrictObject({
  recoveryKeyId: Type.Optional(
    Guid('GUID of the protector; absent where it must be typed from the recovery screen'),
  ),
  volume: StrictObject({
    type: VolumeType,
    mountPoint: Type.Optional(
      Type.String({ description: 'Drive letter or mount folder at escrow' }),
    ),
  }),
  state: KeyState,
  escrowedAt: Timestamp('When the key was stored'),
})
export type OwnRecoveryKey = Static<typeof OwnRecoveryKey>

export const OwnRecoveryKeyList = StrictObject({
  items: Type.Array(OwnRecoveryKey, {
    description: `Active keys first, then the newest first; at most ${LIMITS.pageSizeMax}`,
  }),
})
export type OwnRecoveryKeyList = Static<typeof OwnRecoveryKeyList>

const TypedKeyId = Type.String({
  pattern: '^\\s*\\{?[0-9A-Fa-f-]{8,36}\\}?\\s*$',
  minLength: LIMITS.keyIdPrefixLengthMin,
  maxLength: 64,
  description:
    'Recovery key ID as on the recovery screen, whole or its first 8 or more characters; it must ' +
    'be that of exactly one key of the device',
})

export const CreateOwnDisclosure = StrictObject({
  deviceId: Guid('Own device'),
  keyId: TypedKeyId,
  reason: DisclosureReason,
  approvalId: Type.Optional(
    Guid('The approved request, for the same key and with the same reason; it is used up'),
  ),
})
export type CreateOwnDisclosure = Static<typeof CreateOwnDisclosure>

export const CreateOwnApprovalRequest = StrictObject({
  deviceId: Guid('Own device'),
  keyId: TypedKeyId,
  reason: DisclosureReason,
})
export type CreateOwnApprovalRequest = Static<typeof CreateOwnApprovalRequest>
