/** Reads a page of the audit log. Only entries with an index are in it, so a page never changes. */

import { LIMITS, type AuditEntry, type AuditPage, type AuditQuery } from '@keydesk/contract'
import type { Deps } from '../deps.ts'
import { selectEntries, type AuditRow } from './queries.ts'

export async function listEntries(deps: Deps, query: AuditQuery): Promise<AuditPage> {
  const after = Number(query.after ?? '-1')
  const limit = Math.min(
    Math.max(Number(query.limit ?? LIMITS.auditPageSizeMax), 1),
    LIMITS.auditPageSizeMax,
  )
  const rows = await selectEntries(deps.db, { after, limit })
  return { items: rows.map(toEntry), nextAfter: rows.at(-1)?.entry_index ?? after }
}

function toEntry(row: AuditRow): AuditEntry {
  return {
    index: row.entry_index,
    entryId: String(row.id),
    occurredAt: row.occurred_at.toISOString(),
    action: row.action,
    outcome: row.outcome as AuditEntry['outcome'],
    actor: {
      type: row.actor_type as AuditEntry['actor']['type'],
      ...(row.actor_id === null ? {} : { id: row.actor_id }),
      ...(row.actor_name === null ? {} : { name: row.actor_name }),
    },
    ...(row.device_id === null ? {} : { deviceId: row.device_id }),
    ...(row.volume_id === null ? {} : { volumeId: row.volume_id }),
    ...(row.recovery_key_id === null ? {} : { recoveryKeyId: row.recovery_key_id }),
    ...(row.request_id === null ? {} : { requestId: row.request_id }),
    detail: row.detail as AuditEntry['detail'],
  }
}
