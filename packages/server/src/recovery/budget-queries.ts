/** SQL of budgets as administrators set them. */

import { sql, type Kysely, type Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'
import type { BudgetRow } from './disclosure-rule-queries.ts'

export interface BudgetSubject {
  readonly type: 'principal' | 'role'
  readonly id: string
}

/** Those of persons and programs first. */
export async function selectBudgets(
  db: Kysely<Database>,
  subject?: BudgetSubject,
): Promise<BudgetRow[]> {
  const which =
    subject === undefined
      ? sql`true`
      : sql`subject_type = ${subject.type} and subject_id = ${subject.id}`
  const { rows } = await sql<BudgetRow>`
    select subject_type, subject_id, soft_per_hour, soft_per_day, hard_per_hour, hard_per_day
      from disclosure_budget where ${which}
     order by subject_type, subject_id`.execute(db)
  return rows
}

export async function upsertBudget(
  trx: Transaction<Database>,
  budget: BudgetRow,
  by: { readonly principalId: string; readonly now: Date },
): Promise<void> {
  await sql`
    insert into disclosure_budget (subject_type, subject_id, principal_id, soft_per_hour,
                                   soft_per_day, hard_per_hour, hard_per_day, updated_at,
                                   updated_by)
    values (${budget.subject_type}, ${budget.subject_id},
            ${budget.subject_type === 'principal' ? budget.subject_id : null},
            ${budget.soft_per_hour}, ${budget.soft_per_day}, ${budget.hard_per_hour},
            ${budget.hard_per_day}, ${by.now}, ${by.principalId})
    on conflict (subject_type, subject_id) do update
      set soft_per_hour = excluded.soft_per_hour, soft_per_day = excluded.soft_per_day,
          hard_per_hour = excluded.hard_per_hour, hard_per_day = excluded.hard_per_day,
          updated_at = excluded.updated_at, updated_by = excluded.updated_by`.execute(trx)
}

/** False: there was none. */
export async function deleteBudget(
  trx: Transaction<Database>,
  subject: BudgetSubject,
): Promise<boolean> {
  const { numDeletedRows } = await trx
    .deleteFrom('disclosure_budget')
    .where('subject_type', '=', subject.type)
    .where('subject_id', '=', subject.id)
    .executeTakeFirstOrThrow()
  return numDeletedRows === 1n
}

/** Whether there is a person or program, or a custom role, with this ID. */
export async function existsBudgetSubject(
  trx: Transaction<Database>,
  { type, id }: BudgetSubject,
): Promise<boolean> {
  const { rows } = await (
    type === 'role'
      ? sql`select from role_definition where id = ${id} for key share`
      : sql`select from principal where id = ${id} and type in ('user', 'app')`
  ).execute(trx)
  return rows.length > 0
}
