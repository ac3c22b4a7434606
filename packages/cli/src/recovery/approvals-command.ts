/** `keydesk approvals`: disclosures that wait for a second person, and emergencies for a review. */
import type { ApprovalRequest } from '@keydesk/contract'
import type { Command } from 'commander'
import { Option } from 'commander'
import {
  commandGroup,
  listCommand,
  newCommand,
  onService,
  showCommand,
} from '../service/commands.ts'
import { time } from '../service/render-table.ts'
import { KEY_ID, keyAndReason, withKeyAndReason, type KeyAndReason } from './key-and-reason.ts'

const PATH = '/api/v1/approval-requests'
const ID = ['id', 'ID of the request'] as const

export function approvalsCommand(): Command {
  return commandGroup('approvals', 'Disclosures that wait for a second person', [
    askFor(),
    list(),
    showCommand<ApprovalRequest>({
      description: 'Show a request with its reason',
      argument: ID,
      path: async (_service, id) => await Promise.resolve(requestPath(id)),
      fields: (request) => [
        ['Device', `${request.device.name} (${request.device.id})`],
        ['Recovery key', request.recoveryKeyId.toUpperCase()],
        ['Requested by', request.requester.name],
        ['Reason', reasonText(request)],
        ['Ticket', request.reason.ticket],
        ['Emergency', request.isEmergency],
        ['State', request.state],
        ['Requested', time(request.requestedAt)],
        ['Expires', time(request.expiresAt)],
        ['Decided by', request.decidedBy?.name],
        ['Decided', time(request.decidedAt)],
        ['Comment', request.comment],
        ['ID', request.id],
      ],
    }),
    decide('approve', 'Approve a disclosure that another person asks for', 'decision', {
      decision: 'approve',
    }),
    decide('deny', 'Refuse a disclosure', 'decision', { decision: 'deny' }),
    decide('accept', 'Say of an emergency that it was one', 'review', { verdict: 'accept' }),
    decide('reject', 'Say of an emergency that it was none', 'review', { verdict: 'reject' }),
    cancel(),
  ])
}

function askFor(): Command {
  const command = newCommand('request', 'Ask for a disclosure that a second person approves', [
    KEY_ID,
  ])
  return onService<KeyAndReason>(
    withKeyAndReason(command),
    async (service, [keyId = ''], options) => {
      const body = await keyAndReason(service, keyId, options)
      const made = await service.post<ApprovalRequest>(PATH, body)
      const text =
        `Asked for (${made.id}), until ${time(made.expiresAt) ?? 'it is decided'}. Once approved:\n` +
        `  keydesk recover ${made.recoveryKeyId} --reason ${made.reason.code} --approval ${made.id}\n`
      return { json: made, text }
    },
  )
}

interface ListOptions {
  readonly state?: string
  readonly mine?: boolean
}

const STATES = [
  'pending',
  'approved',
  'denied',
  'cancelled',
  'expired',
  'used',
  'awaitingReview',
  'accepted',
  'rejected',
]

function list(): Command {
  return listCommand<ApprovalRequest, ListOptions>({
    description: 'List requests: own ones and those to decide',
    path: PATH,
    declare: (command) =>
      command
        .addOption(new Option('--state <state>', 'only those in this state').choices(STATES))
        .option('--mine', 'only own requests'),
    query: (_service, { state, mine }) => ({ state, mine: mine === true ? 'true' : undefined }),
    columns: [
      { title: 'state', cell: (request) => request.state },
      { title: 'device', cell: (request) => request.device.name },
      { title: 'requested by', cell: (request) => request.requester.name },
      { title: 'reason', cell: reasonText },
      { title: 'requested', cell: (request) => time(request.requestedAt) },
      { title: 'id', cell: (request) => request.id },
    ],
    none: 'No requests.',
  })
}

function decide(
  name: string,
  description: string,
  action: 'decision' | 'review',
  body: object,
): Command {
  const command = newCommand(name, description, [ID]).option('--comment <text>', 'why; kept')
  return onService<{ comment?: string }>(command, async (service, [id = ''], { comment }) => {
    const decided = await service.post<ApprovalRequest>(`${requestPath(id)}/${action}`, {
      ...body,
      ...(comment === undefined ? {} : { comment }),
    })
    return { json: decided, text: `The request is ${decided.state} now.\n` }
  })
}

function cancel(): Command {
  const command = newCommand('cancel', 'Take back an own request', [ID])
  return onService(command, async (service, [id = '']) => {
    await service.delete(requestPath(id))
    return { json: { id }, text: 'The request is taken back.\n' }
  })
}

function requestPath(id: string): string {
  return `${PATH}/${encodeURIComponent(id)}`
}

function reasonText({ reason }: ApprovalRequest): string {
  return reason.text === undefined ? reason.code : `${reason.code}: ${reason.text}`
}
