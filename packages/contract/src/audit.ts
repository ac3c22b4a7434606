/**
 * `GET /api/v1/audit/entries`: the audit entries in the order of their indexes, which are
 * contiguous from 0.
 */
import { Type, type Static } from 'typebox'
import { Guid, QueryInteger, StrictObject, Timestamp } from './fields.ts'
import { LIMITS } from './limits.ts'
import { ActorType, AuditOutcome } from './words.ts'

/** What happened. One word per kind of change or look; a name is never given another meaning. */
export const AUDIT_ACTIONS = [
  'enrollmentToken.create',
  'enrollmentToken.revoke',
  'device.enroll',
  'key.escrow',
  'key.supersede',
  'key.reactivate',
  'key.prove',
  'disclosure.request',
  'disclosure.show',
  'disclosure.emergency',
  'disclosure.budgetAlert',
  'approval.request',
  'approval.decide',
  'approval.cancel',
  'approval.review',
  'approvalRule.create',
  'approvalRule.delete',
  'disclosureBudget.set',
  'disclosureBudget.delete',
  'selfServicePolicy.update',
  'selfServicePolicy.setGroup',
  'selfServicePolicy.removeGroup',
  'exposure.close',
  'exposure.reopen',
  'rotation.request',
  'rotation.finish',
  'user.create',
  'user.update',
  'user.disable',
  'user.enable',
  'user.delete',
  'group.create',
  'group.update',
  'group.delete',
  'group.addMember',
  'group.removeMember',
  'administrativeUnit.create',
  'administrativeUnit.update',
  'administrativeUnit.delete',
  'administrativeUnit.addDevice',
  'administrativeUnit.removeDevice',
  'deviceGroup.create',
  'deviceGroup.update',
  'deviceGroup.delete',
  'deviceGroup.addDevice',
  'deviceGroup.removeDevice',
  'app.create',
  'app.update',
  'app.disable',
  'app.enable',
  'app.delete',
  'appCredential.create',
  'appCredential.revoke',
  'issuerKey.rotate',
  'device.ownerChange',
  'session.start',
  'session.end',
  'user.endSignIns',
  'signIn.refuse',
  'setupLink.create',
  'setupLink.redeem',
  'account.invite',
  'account.resetPassword',
  'account.redeemLink',
  'account.signIn',
  'account.changePassword',
  'account.addTotp',
  'account.removeTotp',
  'account.renewBackupCodes',
  'account.useBackupCode',
  'account.addPasskey',
  'account.renamePasskey',
  'account.removePasskey',
  'provisioningToken.create',
  'provisioningToken.revoke',
  'role.create',
  'role.update',
  'role.delete',
  'roleAssignment.create',
  'roleAssignment.update',
  'roleAssignment.delete',
  'request.deny',
] as const
export type AuditAction = (typeof AUDIT_ACTIONS)[number]

export const AuditEntry = StrictObject({
  index: Type.Integer({ minimum: 0, description: 'Place in the log, contiguous from 0' }),
  entryId: Type.String({ description: 'Given when the entry was written, before it had an index' }),
  occurredAt: Timestamp('When it happened'),
  action: Type.String({ description: 'What happened, such as `disclosure.request`' }),
  outcome: AuditOutcome,
  actor: StrictObject({
    type: ActorType,
    id: Type.Optional(Type.String({ description: 'Administrator or device' })),
    name: Type.Optional(Type.String({ description: 'Name at that time' })),
  }),
  deviceId: Type.Optional(Guid('Device concerned')),
  volumeId: Type.Optional(Guid('Volume concerned')),
  recoveryKeyId: Type.Optional(Guid('Recovery key ID concerned')),
  requestId: Type.Optional(Type.String({ description: 'Request in the server log' })),
  detail: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
    description: 'What else matters for this action, such as the reason; never a key',
  }),
})
export type AuditEntry = Static<typeof AuditEntry>

export const AuditQuery = StrictObject({
  after: Type.Optional(
    Type.String({
      pattern: '^(-1|[0-9]{1,15})$',
      description: 'Only entries with a larger index; -1 or absent for all',
    }),
  ),
  limit: Type.Optional(
    QueryInteger(`Entries in this page: at most ${LIMITS.auditPageSizeMax}; as many if absent`),
  ),
})
export type AuditQuery = Static<typeof AuditQuery>

export const AuditPage = StrictObject({
  items: Type.Array(AuditEntry),
  nextAfter: Type.Integer({ minimum: -1, description: 'Ask again with this as `after`' }),
})
export type AuditPage = Static<typeof AuditPage>
