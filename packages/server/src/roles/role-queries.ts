/** SQL of custom roles. */

import { sql, type Insertable, type Kysely, type Selectable, type Transaction } from 'kysely'
import type { Database, RoleDefinitionTable } from '../db/schema.ts'

const COLUMNS = [
  'id',
  'display_name',
  'description',
  'permissions',
  'created_at',
  'updated_at',
] as const

export type RoleRow = Pick<Selectable<RoleDefinitionTable>, (typeof COLUMNS)[number]>

/** By name. */
export async function selectRoles(
  db: Kysely<Database>,
  page: { readonly after: { name: string; id: string } | undefined; readonly limit: number },
): Promise<(RoleRow & { sort_name: string })[]> {
  let query = db
    .selectFrom('role_definition')
    .select(COLUMNS)
    .select(sql<string>`lower(display_name)`.as('sort_name'))
  if (page.after !== undefined) {
    const { name, id } = page.after
    query = query.where(sql<boolean>`(lower(display_name) collate "C", id) > (${name}, ${id})`)
  }
  return await query
    .orderBy(sql`lower(display_name) collate "C"`)
    .orderBy('id')
    .limit(page.limit)
    .execute()
}

export async function selectRole(db: Kysely<Database>, id: string): Promise<RoleRow | undefined> {
  return await db
    .selectFrom('role_definition')
    .select(COLUMNS)
    .where('id', '=', id)
    .executeTakeFirst()
}

export async function lockRole(
  trx: Transaction<Database>,
  id: string,
): Promise<RoleRow | undefined> {
  return await trx
    .selectFrom('role_definition')
    .select(COLUMNS)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
}

/** Against being deleted, until the transaction ends. */
export async function roleExists(trx: Transaction<Database>, id: string): Promise<boolean> {
  const row = await trx
    .selectFrom('role_definition')
    .select('id')
    .where('id', '=', id)
    .forShare()
    .executeTakeFirst()
  return row !== undefined
}

export async function isNameTaken(
  trx: Transaction<Database>,
  displayName: string,
  exceptId: string,
): Promise<boolean> {
  const { rows } = await sql`
    select from role_definition
     where lower(display_name) = lower(${displayName}) and id <> ${exceptId}`.execute(trx)
  return rows.length > 0
}

export async function insertRole(
  trx: Transaction<Database>,
  role: Insertable<RoleDefinitionTable>,
): Promise<RoleRow> {
  return await trx
    .insertInto('role_definition')
    .values(role)
    .returning(COLUMNS)
    .executeTakeFirstOrThrow()
}

export async function updateRole(trx: Transaction<Database>, role: RoleRow): Promise<RoleRow> {
  const { id, ...values } = role
  return await trx
    .updateTable('role_definition')
    .set(values)
    .where('id', '=', id)
    .returning(COLUMNS)
    .executeTakeFirstOrThrow()
}

export async function deleteRole(trx: Transaction<Database>, id: string): Promise<void> {
  await trx.deleteFrom('role_definition').where('id', '=', id).execute()
}

/** Assignments (expired ones too), budgets and approval rules that name the role. */
export async function countUses(
  trx: Transaction<Database>,
  id: string,
): Promise<{ assignments: number; rules: number }> {
  const { rows } = await sql<{ assignments: number; rules: number }>`
    select (select count(*) from role_assignment where role_id = ${id}) as assignments,
           (select count(*) from disclosure_budget
             where subject_type = 'role' and subject_id = ${id})
         + (select count(*) from approval_rule where role_id = ${id}) as rules`.execute(trx)
  return rows[0] ?? { assignments: 0, rules: 0 }
}
