/**
 * Who walks the routes, and what he should be let do: people with each role in each place, by a
 * real session, and programs with each app role, by a token that the issuer gave them.
 *
 * What is expected follows from the tables of roles and scopes alone. It is worked out here again,
 * in other words than the server's, so that the two can disagree.
 */

import { API_SCOPES, BUILT_IN_ROLES, type ApiScope } from '@keydesk/contract'
import { sql, type Kysely } from 'kysely'
import type { Database } from '../db/schema.ts'
import { issueTestToken } from './issue-test-token.ts'
import { insertTestGroup, insertTestUser } from './test-people.ts'
import {
  insertTestApp,
  insertTestAssignment,
  insertTestDevice,
  insertTestUnit,
} from './test-scopes.ts'
import type { TestService } from './test-service.ts'
import { startTestSession } from './test-session.ts'
import type { WalkPlaces } from './walk-places.ts'

/** Where a role holds: for all devices, for one unit's, for one device. */
type Place = 'directory' | { readonly devices: ReadonlySet<string> }

interface Right {
  readonly permissions: ReadonlySet<string>
  readonly effect: 'allow' | 'deny'
  readonly place: Place
}

export interface WalkCaller {
  readonly name: string
  readonly type: 'user' | 'app'
  readonly isDisabled: boolean
  readonly headers: Readonly<Record<string, string>>
  readonly rights: readonly Right[]
  /** A device that he owns, in no unit; a program has none. */
  readonly ownDevice?: string
  readonly userId?: string
}

/** Each his own, whoever took it away meanwhile. */
export async function giveOwnDevices(
  db: Kysely<Database>,
  callers: readonly WalkCaller[],
): Promise<void> {
  const owned = callers.filter(({ ownDevice }) => ownDevice !== undefined)
  await sql`
    update device set owner_id = own.user_id
      from unnest(${owned.map(({ ownDevice }) => ownDevice)}::uuid[],
                  ${owned.map(({ userId }) => userId)}::uuid[]) as own (device_id, user_id)
     where device.id = own.device_id`.execute(db)
}

/** Whether anything at all is allowed him: somewhere, and not denied for everything. */
export function mayAnywhere({ rights }: WalkCaller, permission: string): boolean {
  const about = rights.filter(({ permissions }) => permissions.has(permission))
  const isDenied = about.some(({ effect, place }) => effect === 'deny' && place === 'directory')
  return !isDenied && about.some(({ effect }) => effect === 'allow')
}

export function mayEverywhere({ rights }: WalkCaller, permission: string): boolean {
  const about = rights.filter(
    ({ permissions, place }) => permissions.has(permission) && place === 'directory',
  )
  return about.length > 0 && about.every(({ effect }) => effect === 'allow')
}

export function mayOn({ rights }: WalkCaller, permission: string, deviceId: string): boolean {
  const about = rights.filter(
    ({ permissions, place }) =>
      permissions.has(permission) && (place === 'directory' || place.devices.has(deviceId)),
  )
  return about.length > 0 && about.every(({ effect }) => effect === 'allow')
}

interface Placement {
  readonly name: string
  readonly scopes: readonly {
    readonly effect?: 'deny'
    readonly at: 'directory' | 'unit' | 'device' | 'otherUnit'
    readonly isOver?: true
  }[]
  readonly by?: 'group'
  readonly isDisabled?: true
}

const PLACEMENTS: readonly Placement[] = [
  { name: 'for everything', scopes: [{ at: 'directory' }] },
  { name: 'for everything, by a group', scopes: [{ at: 'directory' }], by: 'group' },
  { name: 'for its unit', scopes: [{ at: 'unit' }] },
  { name: 'for its unit, by a group', scopes: [{ at: 'unit' }], by: 'group' },
  { name: 'for the device', scopes: [{ at: 'device' }] },
  { name: 'for another unit', scopes: [{ at: 'otherUnit' }] },
  { name: 'that is over', scopes: [{ at: 'directory', isOver: true }] },
  { name: 'that is denied', scopes: [{ at: 'directory' }, { at: 'directory', effect: 'deny' }] },
  { name: 'denied for its unit', scopes: [{ at: 'directory' }, { at: 'unit', effect: 'deny' }] },
  { name: 'denied for it', scopes: [{ at: 'unit' }, { at: 'device', effect: 'deny' }] },
  { name: 'and is disabled', scopes: [{ at: 'directory' }], isDisabled: true },
]

/** A custom role, made for the walk: rights over devices that no built-in role has alone. */
const CUSTOM_PERMISSIONS = [
  'keydesk/bitlockerKeys/rotate',
  'keydesk/bitlockerKeys/key/readWithApproval',
  'microsoft.directory/users/standard/read',
]

export async function createWalkCallers(
  service: TestService,
  places: WalkPlaces,
): Promise<WalkCaller[]> {
  const { db, clock } = service.deps
  const customId = crypto.randomUUID()
  await db
    .insertInto('role_definition')
    .values({
      id: customId,
      display_name: 'Custom',
      permissions: CUSTOM_PERMISSIONS,
      created_at: clock.now(),
      updated_at: clock.now(),
    })
    .execute()
  const unit = await insertTestUnit(db, [places.device])
  const otherUnit = await insertTestUnit(db, [places.otherDevice])
  const roles = [
    ...BUILT_IN_ROLES,
    { id: customId, displayName: 'Custom', permissions: CUSTOM_PERMISSIONS },
  ]
  const at = {
    directory: { scope: { type: 'directory' }, place: 'directory' },
    unit: { scope: { type: 'administrativeUnit', id: unit }, place: only(places.device) },
    device: { scope: { type: 'device', id: places.device }, place: only(places.device) },
    otherUnit: {
      scope: { type: 'administrativeUnit', id: otherUnit },
      place: only(places.otherDevice),
    },
  } as const
  const callers: WalkCaller[] = []

  async function person(
    name: string,
    role: { readonly id: string; readonly permissions: readonly string[] },
    placement: Placement,
  ): Promise<void> {
    const userId = await insertTestUser(db)
    const isByGroup = placement.by === 'group'
    const principalId = isByGroup ? await insertTestGroup(db, [{ id: userId }]) : userId
    for (const { at: where, effect = 'allow', isOver } of placement.scopes) {
      const expiresAt = isOver === true ? clock.now() : undefined
      const { scope } = at[where]
      await insertTestAssignment(db, { principalId, roleId: role.id, effect, scope, expiresAt })
    }
    const { writes } = await startTestSession(service, userId)
    const isDisabled = placement.isDisabled === true
    if (isDisabled) {
      await db
        .updateTable('directory_user')
        .set({ is_active: false })
        .where('id', '=', userId)
        .execute()
    }
    const rights = placement.scopes
      .filter(({ isOver }) => isOver !== true)
      .map(({ at: where, effect = 'allow' as const }) => ({
        permissions: new Set(role.permissions),
        effect,
        place: at[where].place,
      }))
    const ownDevice = await insertTestDevice(db, { owner_id: userId })
    callers.push({ name, type: 'user', isDisabled, headers: writes, rights, ownDevice, userId })
  }

  for (const role of roles) {
    for (const placement of PLACEMENTS) {
      await person(`${role.displayName} ${placement.name}`, role, placement)
    }
  }
  await person('Nobody', { id: customId, permissions: [] }, { name: '', scopes: [] })
  callers.push(...(await createPrograms(service, places, unit)))
  return callers
}

/** Programs with an app role each; and with every one, but denied the device's unit. */
async function createPrograms(
  service: TestService,
  places: WalkPlaces,
  unit: string,
): Promise<WalkCaller[]> {
  const { db } = service.deps
  const securityReader = BUILT_IN_ROLES.find(({ displayName }) => displayName === 'Security Reader')
  if (securityReader === undefined) throw new Error('there is no Security Reader')
  const scopes = Object.entries(API_SCOPES) as [string, ApiScope][]
  const callers: WalkCaller[] = []
  for (const [name, { permissions, kinds }] of scopes) {
    const appId = await insertTestApp(db, { app_roles: [name] })
    const isForApps = kinds.includes('application') && permissions !== 'everything'
    const given = new Set<string>(isForApps ? permissions : [])
    callers.push({
      name: `Program with ${name}`,
      type: 'app',
      isDisabled: false,
      headers: bearer(await issueTestToken(service.deps, service.app, appId)),
      rights: [{ permissions: given, effect: 'allow', place: 'directory' }],
    })
  }
  const denied = await insertTestApp(db, {
    app_roles: ['BitlockerKey.Read.All', 'Device.Read.All'],
  })
  await insertTestAssignment(db, {
    principalId: denied,
    roleId: securityReader.id,
    effect: 'deny',
    scope: { type: 'administrativeUnit', id: unit },
  })
  callers.push({
    name: 'Program denied the unit',
    type: 'app',
    isDisabled: false,
    headers: bearer(await issueTestToken(service.deps, service.app, denied)),
    rights: [
      {
        permissions: new Set<string>([
          ...API_SCOPES['BitlockerKey.Read.All'].permissions,
          ...API_SCOPES['Device.Read.All'].permissions,
        ]),
        effect: 'allow',
        place: 'directory',
      },
      {
        permissions: new Set<string>(securityReader.permissions),
        effect: 'deny',
        place: only(places.device),
      },
    ],
  })
  return callers
}

function only(deviceId: string): { readonly devices: ReadonlySet<string> } {
  return { devices: new Set([deviceId]) }
}

function bearer(token: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${token}` }
}
