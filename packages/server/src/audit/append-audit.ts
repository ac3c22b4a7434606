/**
 * Appends entries to the audit log, inside the transaction of what they record: neither stands
 * without the other (promise P3). The place in the log comes later (`sequence-audit.ts`); no entry
 * waits for it.
 */

import type { AuditAction } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'
import { insertAuditEntries } from './queries.ts'

/** Who did it, as the log names them. */
export type AuditActor =
  | { readonly type: 'user' | 'app'; readonly id: string; readonly name: string }
  | { readonly type: 'device'; readonly id: string; readonly name?: string | undefined }
  | { readonly type: 'system' }
  | { readonly type: 'anonymous' }

export interface NewAuditEntry {
  readonly occurredAt: Date
  readonly action: AuditAction
  readonly outcome: 'success' | 'denied' | 'failed'
  readonly actor: AuditActor
  readonly deviceId?: string | undefined
  readonly volumeId?: string | undefined
  /** GUID of the protector. */
  readonly recoveryKeyId?: string | undefined
  readonly requestId?: string | undefined
  /** What else matters. Never a recovery password, a key or a key check. */
  readonly detail?: Readonly<Record<string, string | number | boolean>> | undefined
}

/** Returns the IDs of the entries, in the same order. */
export async function appendAudit(
  trx: Transaction<Database>,
  entries: readonly NewAuditEntry[],
): Promise<readonly number[]> {
  return entries.length === 0 ? [] : await insertAuditEntries(trx, entries)
}
