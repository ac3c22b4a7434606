/** What a reason must be beyond its form: said, and free of recovery passwords. */

import type { DisclosureReason } from '@keydesk/contract'
import { AppError } from '../errors.ts'

/** Half a recovery password or more: people paste what is before them into any field. */
const RECOVERY_PASSWORD_PART = /(?:\d{6}[\s\-‐-―_.,]{0,3}){4}/

/** Throws AppError INVALID_REQUEST. A reason is kept in the audit log, where no password may be. */
export function checkReason({ code, text, ticket }: DisclosureReason): void {
  if (code === 'other' && (text === undefined || text.trim() === '')) {
    throw new AppError('INVALID_REQUEST', 'The reason "other" needs a text that says which.')
  }
  checkNoPassword(text, 'reason')
  checkNoPassword(ticket, 'reason')
}

/** Throws AppError INVALID_REQUEST. `what` names the text to whoever wrote it. */
export function checkNoPassword(text: string | undefined, what: string): void {
  if (text === undefined || !RECOVERY_PASSWORD_PART.test(text)) return
  throw new AppError(
    'INVALID_REQUEST',
    `The ${what} holds what looks like a recovery password. Leave it out: it is kept.`,
  )
}
