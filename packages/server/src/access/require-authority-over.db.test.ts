/** Nobody climbs by way of another: who may touch what holds roles. */

import { randomUUID } from 'node:crypto'
import { GLOBAL_ADMINISTRATOR } from '@keydesk/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDeps, type TestDeps } from '../../../../test/support/test-deps.ts'
import { insertTestGroup, insertTestUser } from '../testing/test-people.ts'
import { insertTestApp, insertTestAssignment } from '../testing/test-scopes.ts'
import { loadPrincipal } from './load-principal.ts'
import { requireAuthorityOver } from './require-authority-over.ts'
import { ACR_MFA } from './step-up-acr.ts'

const HELPDESK = '729827e3-9c14-49f7-bb1b-9608f156bbb8'
const REPORTS_READER = '4a5d8f65-41da-4de4-8968-e035b65339cf'

let deps: TestDeps
beforeAll(async () => {
  deps = await createTestDeps()
})
afterAll(async () => deps[Symbol.asyncDispose]())

async function personWith(...roleIds: string[]): Promise<string> {
  const id = await insertTestUser(deps.db)
  for (const roleId of roleIds) await insertTestAssignment(deps.db, { principalId: id, roleId })
  return id
}

async function ask(actorId: string, principalId: string): Promise<void> {
  const now = deps.clock.now()
  const loaded = await loadPrincipal(deps, {
    type: 'user',
    userId: actorId,
    authenticatedAt: now,
    methods: [],
    acr: ACR_MFA,
    sessionId: undefined,
    scopes: undefined,
    issuedAt: now,
  })
  if (loaded === undefined) throw new Error('the actor is unknown')
  await requireAuthorityOver(deps.db, loaded.actor, principalId, now)
}

const refusal = {
  code: 'FORBIDDEN',
  message: expect.stringContaining('This user, group or app holds roles') as string,
}

test('the helpdesk may touch whoever holds no role, and what is not there', async () => {
  const helpdesk = await personWith(HELPDESK)
  await expect(ask(helpdesk, await personWith())).resolves.toBeUndefined()
  await expect(
    ask(helpdesk, await insertTestGroup(deps.db, [{ id: await personWith(REPORTS_READER) }])),
  ).resolves.toBeUndefined()
  await expect(ask(helpdesk, await insertTestApp(deps.db))).resolves.toBeUndefined()
  await expect(ask(helpdesk, randomUUID())).resolves.toBeUndefined()
})

test.each<[string, () => Promise<string>]>([
  ['an administrator', () => personWith(GLOBAL_ADMINISTRATOR)],
  ['a colleague with the same role', () => personWith(HELPDESK)],
  [
    'a member of a group with a role',
    async () => {
      const id = await personWith()
      const group = await insertTestGroup(deps.db, [{ id }])
      await insertTestAssignment(deps.db, { principalId: group, roleId: REPORTS_READER })
      return id
    },
  ],
  [
    'a group with a role',
    async () => {
      const group = await insertTestGroup(deps.db, [])
      await insertTestAssignment(deps.db, { principalId: group, roleId: REPORTS_READER })
      return group
    },
  ],
  [
    'a group that is denied a role',
    async () => {
      const principalId = await insertTestGroup(deps.db, [])
      await insertTestAssignment(deps.db, { principalId, roleId: HELPDESK, effect: 'deny' })
      return principalId
    },
  ],
  [
    'a group with a role that is over and may be extended',
    async () => {
      const principalId = await insertTestGroup(deps.db, [])
      const expiresAt = deps.clock.now()
      await insertTestAssignment(deps.db, { principalId, roleId: GLOBAL_ADMINISTRATOR, expiresAt })
      return principalId
    },
  ],
  ['an app with app roles', () => insertTestApp(deps.db, { app_roles: ['User.Read.All'] })],
  [
    'an app with a role',
    async () => {
      const principalId = await insertTestApp(deps.db)
      await insertTestAssignment(deps.db, { principalId, roleId: REPORTS_READER })
      return principalId
    },
  ],
])('the helpdesk may not touch %s, and an administrator may', async (_, make) => {
  const target = await make()
  await expect(ask(await personWith(HELPDESK), target)).rejects.toMatchObject(refusal)
  await expect(ask(await personWith(GLOBAL_ADMINISTRATOR), target)).resolves.toBeUndefined()
})

test('whoever is given the right and denied it has no such authority', async () => {
  const actor = await personWith(HELPDESK, GLOBAL_ADMINISTRATOR)
  const deny = { principalId: actor, roleId: GLOBAL_ADMINISTRATOR, effect: 'deny' } as const
  await insertTestAssignment(deps.db, deny)
  await expect(ask(actor, await personWith(HELPDESK))).rejects.toMatchObject(refusal)
})

test('a role that is over does not protect a person', async () => {
  const target = await personWith()
  await insertTestAssignment(deps.db, {
    principalId: target,
    roleId: HELPDESK,
    expiresAt: deps.clock.now(),
  })
  await expect(ask(await personWith(HELPDESK), target)).resolves.toBeUndefined()
})
