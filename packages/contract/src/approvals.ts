/**
 * `/api/v1/approval-rules`: what demands a second person before a recovery password is shown, and
 * `/api/v1/approval-requests`: asking, deciding, and reviewing emergencies afterwards. The second
 * person is neither who asks nor the owner of the device. Rules: docs/approvals.md.
 */
import { Type, type Static } from 'typebox'
import { CreateDisclosure, DisclosureReason } from './disclosures.ts'
import {
  Guid,
  MultilineText,
  NextAfter,
  OneOf,
  PageQuery,
  StrictObject,
  Timestamp,
} from './fields.ts'
import { LIMITS } from './limits.ts'

const RULE_SUBJECT_TYPES = ['administrativeUnit', 'deviceGroup', 'role'] as const

export const CreateApprovalRule = StrictObject(
  {
    deviceSetId: Type.Optional(
      Guid('Administrative unit or device group: the keys of its devices need approval'),
    ),
    roleId: Type.Optional(Guid('Built-in or custom role: whoever holds it needs approval')),
  },
  { minProperties: 1, maxProperties: 1 },
)
export type CreateApprovalRule = Static<typeof CreateApprovalRule>

export const ApprovalRule = StrictObject({
  id: Guid('Rule'),
  subject: StrictObject({
    type: OneOf(RULE_SUBJECT_TYPES, 'What the rule is about'),
    id: Guid('Administrative unit, device group or role'),
    displayName: Type.Optional(Type.String({ description: 'Its name, if it has one' })),
  }),
  createdAt: Timestamp('When it was made'),
})
export type ApprovalRule = Static<typeof ApprovalRule>

export const ApprovalRuleList = StrictObject({
  items: Type.Array(ApprovalRule, { description: 'Oldest first' }),
})
export type ApprovalRuleList = Static<typeof ApprovalRuleList>

export const ApprovalRuleParams = StrictObject({ id: Guid('Rule') })

export const ApprovalState = OneOf(
  [
    'pending',
    'approved',
    'denied',
    'cancelled',
    'expired',
    'used',
    'awaitingReview',
    'accepted',
    'rejected',
  ],
  'The last three are those of an emergency: shown at once, reviewed afterwards',
)

export const CreateApprovalRequest = StrictObject({
  recoveryKeyId: CreateDisclosure.properties.recoveryKeyId,
  deviceId: CreateDisclosure.properties.deviceId,
  reason: DisclosureReason,
  expiresInSeconds: Type.Optional(
    Type.Integer({
      minimum: LIMITS.approvalSecondsMin,
      maximum: LIMITS.approvalSecondsMax,
      description: `Time to be decided and then used; ${LIMITS.approvalSecondsDefault} if absent`,
    }),
  ),
})
export type CreateApprovalRequest = Static<typeof CreateApprovalRequest>

export const ApprovalRequest = StrictObject({
  id: Guid('Request for approval'),
  recoveryKeyId: Guid('GUID of the protector'),
  device: StrictObject({
    id: Guid('Device'),
    name: Type.String({ description: 'Computer name at its last check-in' }),
  }),
  requester: StrictObject({
    id: Guid('User or app'),
    type: OneOf(['user', 'app'], 'A person or a program'),
    name: Type.String({ description: 'User principal name, or display name of the app' }),
  }),
  reason: DisclosureReason,
  isEmergency: Type.Boolean({ description: 'It was shown at once' }),
  state: ApprovalState,
  requestedAt: Timestamp('When it was asked for'),
  expiresAt: Type.Optional(Timestamp('After this it is of no use; absent for an emergency')),
  decidedBy: Type.Optional(
    StrictObject({
      id: Guid('User'),
      name: Type.String({ description: 'User principal name' }),
    }),
  ),
  decidedAt: Type.Optional(Timestamp('When it was approved, denied or reviewed')),
  comment: Type.Optional(Type.String({ description: 'What the second person said' })),
})
export type ApprovalRequest = Static<typeof ApprovalRequest>

export const ApprovalRequestQuery = StrictObject({
  ...PageQuery,
  state: Type.Optional(ApprovalState),
  mine: Type.Optional(OneOf(['true', 'false'], '`true`: only own requests')),
})
export type ApprovalRequestQuery = Static<typeof ApprovalRequestQuery>

export const ApprovalRequestPage = StrictObject({
  items: Type.Array(ApprovalRequest, { description: 'Oldest first' }),
  nextAfter: NextAfter,
})
export type ApprovalRequestPage = Static<typeof ApprovalRequestPage>

export const ApprovalRequestParams = StrictObject({ id: Guid('Request for approval') })

const Comment = Type.Optional(MultilineText(LIMITS.reasonTextLengthMax, 'In words; kept'))

export const DecideApproval = StrictObject({
  decision: OneOf(['approve', 'deny'], 'What the second person says'),
  comment: Comment,
})
export type DecideApproval = Static<typeof DecideApproval>

export const ReviewEmergency = StrictObject({
  verdict: OneOf(['accept', 'reject'], 'Whether it was an emergency'),
  comment: Comment,
})
export type ReviewEmergency = Static<typeof ReviewEmergency>
