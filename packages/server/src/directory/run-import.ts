/**
 * One import: everything in one transaction, which is undone after any error and after a dry run.
 * So a dry run says exactly what would happen, and nothing is ever half applied.
 */

import type { ImportResult } from '@keydesk/contract'
import type { Transaction } from 'kysely'
import { appendAudit, type NewAuditEntry } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import type { ImportErrors } from './import-errors.ts'

export interface ImportCounts {
  readonly created: number
  readonly updated: number
  readonly unchanged: number
}

class Undo extends Error {}

export async function runImport(
  deps: Pick<Deps, 'db'>,
  { isDryRun, errors }: { readonly isDryRun: boolean; readonly errors: ImportErrors },
  work: (trx: Transaction<Database>) => Promise<ImportCounts>,
): Promise<ImportResult> {
  let counts: ImportCounts = { created: 0, updated: 0, unchanged: 0 }
  try {
    await deps.db.transaction().execute(async (trx) => {
      counts = await work(trx)
      if (isDryRun || errors.count > 0) throw new Undo()
    })
  } catch (error) {
    if (!(error instanceof Undo)) throw error
  }
  const applied = !isDryRun && errors.count === 0
  return { applied, ...counts, errorCount: errors.count, errors: errors.list }
}

/** Rows that one statement writes: its parameter stays below some megabytes. */
const IMPORT_BATCH = 5000

export function batchesOf<T>(items: readonly T[]): T[][] {
  const count = Math.ceil(items.length / IMPORT_BATCH)
  return Array.from({ length: count }, (_, index) =>
    items.slice(index * IMPORT_BATCH, (index + 1) * IMPORT_BATCH),
  )
}

export async function appendAuditInBatches(
  trx: Transaction<Database>,
  entries: readonly NewAuditEntry[],
): Promise<void> {
  for (const batch of batchesOf(entries)) await appendAudit(trx, batch)
}
