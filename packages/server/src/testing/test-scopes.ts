/** Devices, administrative units, apps and role assignments for tests: rows, put in directly. */

import { randomBytes, randomUUID } from 'node:crypto'
import type { PermissionName } from '@keydesk/contract'
import type { Insertable, Kysely } from 'kysely'
import type { AssignmentScope } from '../access/grants.ts'
import type { AppTable, Database, DeviceTable } from '../db/schema.ts'
import { insertTestUser } from './test-people.ts'

const CREATED_AT = new Date('2026-01-01T00:00:00Z')

export interface TestAssignment {
  readonly principalId: string
  readonly roleId: string
  readonly effect?: 'allow' | 'deny'
  readonly scope?: AssignmentScope
  readonly expiresAt?: Date | undefined
}

/** For the whole directory unless told otherwise. Returns the ID. */
export async function insertTestAssignment(
  db: Kysely<Database>,
  wanted: TestAssignment,
): Promise<string> {
  const id = randomUUID()
  const { scope = { type: 'directory' } } = wanted
  const unitId = scope.type === 'administrativeUnit' ? scope.id : null
  await db
    .insertInto('role_assignment')
    .values({
      id,
      principal_id: wanted.principalId,
      role_id: wanted.roleId,
      effect: wanted.effect ?? 'allow',
      scope_type: scope.type,
      administrative_unit_id: unitId,
      administrative_unit_kind: unitId === null ? null : 'administrativeUnit',
      device_id: scope.type === 'device' ? scope.id : null,
      created_at: CREATED_AT,
      expires_at: wanted.expiresAt ?? null,
    })
    .execute()
  return id
}

/** A device that nobody has the key of. Returns the ID. */
export async function insertTestDevice(
  db: Kysely<Database>,
  more: Partial<Insertable<DeviceTable>> = {},
): Promise<string> {
  const id = randomUUID()
  await db
    .insertInto('device')
    .values({
      id,
      key_thumbprint: randomBytes(32).toString('base64url'),
      public_key: randomBytes(91),
      name: `PC-${id.slice(0, 8)}`,
      enrolled_by: more.enrolled_by ?? (await insertTestUser(db)),
      enrolled_at: CREATED_AT,
      ...more,
    })
    .execute()
  return id
}

/** With assigned members. Returns the ID. */
export async function insertTestUnit(
  db: Kysely<Database>,
  deviceIds: readonly string[],
): Promise<string> {
  const id = randomUUID()
  await db
    .insertInto('device_set')
    .values({
      id,
      kind: 'administrativeUnit',
      display_name: `unit-${id.slice(0, 8)}`,
      created_at: CREATED_AT,
      updated_at: CREATED_AT,
    })
    .execute()
  for (const deviceId of deviceIds) {
    await db
      .insertInto('device_set_member')
      .values({ device_set_id: id, device_id: deviceId, added_at: CREATED_AT })
      .execute()
  }
  return id
}

/** Returns the ID. */
export async function insertTestApp(
  db: Kysely<Database>,
  more: Partial<Insertable<AppTable>> = {},
): Promise<string> {
  const id = more.id ?? randomUUID()
  await db.insertInto('principal').values({ id, type: 'app', created_at: CREATED_AT }).execute()
  await db
    .insertInto('app')
    .values({
      id,
      display_name: `app-${id.slice(0, 8)}`,
      created_at: CREATED_AT,
      updated_at: CREATED_AT,
      ...more,
    })
    .execute()
  return id
}

/** A custom role with these permissions. Returns the ID. */
export async function insertTestRole(
  db: Kysely<Database>,
  permissions: readonly PermissionName[],
): Promise<string> {
  const id = randomUUID()
  const times = { created_at: CREATED_AT, updated_at: CREATED_AT }
  await db
    .insertInto('role_definition')
    .values({ id, display_name: id, permissions: [...permissions], ...times })
    .execute()
  return id
}
