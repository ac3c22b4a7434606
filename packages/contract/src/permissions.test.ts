/**
 * Goal: the table of routes and roles says what we mean. Who really gets through is tested against
 * the server.
 */
import { expect, test } from 'vitest'
import { PERMISSIONS, ROLES, isAllowed, routePermission } from './permissions.ts'

test('a route without a row is forbidden to every role', () => {
  for (const role of ROLES) expect(isAllowed(role, 'GET /api/v1/secrets')).toBe(false)
  expect(routePermission('constructor')).toBeUndefined()
})

test('only an administrator may see a recovery password', () => {
  expect(PERMISSIONS['POST /api/v1/disclosures'].roles).toEqual(['bootstrapAdministrator'])
})

const rolesUnder = (prefix: string): string[][] =>
  Object.entries(PERMISSIONS)
    .filter(([route]) => route.includes(` ${prefix}`))
    .map(([, { roles }]) => [...roles])

test('nothing under /api/v1 is public or open to devices', () => {
  const rows = rolesUnder('/api/v1/')
  expect(rows.length).toBeGreaterThan(5)
  for (const roles of rows) expect(roles).toEqual(['bootstrapAdministrator'])
})

test('nothing under /device/v1 is open to administrators', () => {
  const rows = rolesUnder('/device/v1/')
  expect(rows).toHaveLength(3)
  for (const roles of rows) expect(roles).not.toContain('bootstrapAdministrator')
})
