/**
 * Goal: the tables of routes, roles and scopes say what we mean. Who really gets through is tested
 * against the server.
 */
import { expect, test } from 'vitest'
import { API_SCOPES, apiScopeName, permissionsOfScopes } from './api-scopes.ts'
import { BUILT_IN_ROLES } from './built-in-roles.ts'
import { isPermissionName, type PermissionName } from './permission-names.ts'
import { PERMISSIONS, routePermission, type RoutePermission } from './permissions.ts'

const KEY = 'microsoft.directory/bitlockerKeys/key/read'
const rows = Object.entries(PERMISSIONS) as [string, RoutePermission][]

test('a route without a row has no permission', () => {
  expect(routePermission('GET /api/v1/secrets')).toBeUndefined()
  expect(routePermission('constructor')).toBeUndefined()
  expect(isPermissionName('constructor')).toBe(false)
})

test('the roles that read keys are those that Entra lets read them', () => {
  const readers = BUILT_IN_ROLES.filter(({ permissions }) => permissions.includes(KEY))
  // graph-and-intune reference, §4.1
  expect(readers.map(({ id }) => id).toSorted()).toEqual(
    [
      '62e90394-69f5-4237-9190-012177145e10',
      '7698a772-787b-4ac8-901f-60d6b08affd2',
      '729827e3-9c14-49f7-bb1b-9608f156bbb8',
      '3a2c62db-5318-420d-8d74-23affee5d9d5',
      '194ae4cb-b126-40b2-bd5b-6091b380977d',
      '5d6b6bb7-de71-4623-b4af-96380a352509',
      'f2ef992c-3afb-46b9-b7cf-a126ee74c451',
    ].toSorted(),
  )
})

test('every permission that a route for people asks for is in a built-in role', () => {
  const held = new Set<PermissionName>(BUILT_IN_ROLES.flatMap(({ permissions }) => permissions))
  const asked = rows
    .filter(([, { audience }]) => audience === 'directory' || audience === 'devices')
    .map(([, { permission }]) => permission)
  expect(asked.filter((permission) => !held.has(permission))).toEqual([])
})

test('a role lists each permission once', () => {
  for (const { permissions } of BUILT_IN_ROLES) {
    expect(new Set(permissions).size).toBe(permissions.length)
  }
})

test('scopes compare without regard to case, and unknown ones cover nothing', () => {
  expect(apiScopeName('BitLockerKey.Read.All')).toBe('BitlockerKey.Read.All')
  expect(permissionsOfScopes(['bitlockerkey.readbasic.all', 'nonsense'], 'application')).toEqual(
    new Set(['microsoft.directory/bitlockerKeys/metadata/read']),
  )
  expect(permissionsOfScopes(['Keydesk.Access'], 'application')).toEqual(new Set())
  expect(permissionsOfScopes(['Keydesk.Access'], 'delegated')).toBe('everything')
})

test('a basic scope never covers the key', () => {
  const basic: readonly string[] = API_SCOPES['BitlockerKey.ReadBasic.All'].permissions
  expect(basic).not.toContain(KEY)
})

test('what is under /api/v1 is for people and programs, under /device/v1 for devices', () => {
  const audiences = (prefix: string) =>
    new Set(rows.filter(([route]) => route.includes(prefix)).map(([, { audience }]) => audience))
  expect(audiences('/api/v1/')).not.toContain('device')
  expect([...audiences('/device/v1/')].toSorted()).toEqual(['device', 'everyone'])
})
