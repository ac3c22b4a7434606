/**
 * Two administrators who remove each other at the same moment, by every route that takes somebody's
 * administration away: there is never none left.
 */

import { GLOBAL_ADMINISTRATOR } from '@keydesk/contract'
import type { LightMyRequestResponse } from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ENTRA_DISABLE } from '../testing/entra-scim-requests.ts'
import { insertTestGroup } from '../testing/test-people.ts'
import { TestPerson } from '../testing/test-person.ts'
import { TestScimClient } from '../testing/test-scim-client.ts'
import { insertTestAssignment } from '../testing/test-scopes.ts'
import { TestService } from '../testing/test-service.ts'

const ROUNDS = 25

let service: TestService
let client: TestScimClient
beforeAll(async () => {
  service = await TestService.start()
  client = await TestScimClient.of(service)
})
afterAll(async () => service[Symbol.asyncDispose]())

interface Administrator {
  readonly person: TestPerson
  readonly assignmentId: string
  readonly groupId: string
}

/** By a group of his own, or by an assignment. */
async function createAdministrator(byGroup: boolean): Promise<Administrator> {
  const { db } = service.deps
  const person = await TestPerson.create(service)
  await db
    .updateTable('directory_user')
    .set({ source: byGroup ? 'local' : 'scim' })
    .where('id', '=', person.id)
    .execute()
  const groupId = await insertTestGroup(db, [{ id: person.id }])
  const principalId = byGroup ? groupId : person.id
  const roleId = GLOBAL_ADMINISTRATOR
  const assignmentId = await insertTestAssignment(db, { principalId, roleId })
  return { person, assignmentId, groupId }
}

/** Who administers now, by the tables alone. */
async function administrators(): Promise<string[]> {
  const { db } = service.deps
  const users = await db
    .selectFrom('directory_user as usr')
    .leftJoin('group_member as member', 'member.user_id', 'usr.id')
    .innerJoin('role_assignment as assignment', (join) =>
      join.on((on) =>
        on.or([
          on('assignment.principal_id', '=', on.ref('usr.id')),
          on('assignment.principal_id', '=', on.ref('member.group_id')),
        ]),
      ),
    )
    .where('usr.is_active', '=', true)
    .select('usr.id')
    .distinct()
    .execute()
  return users.map((user) => user.id)
}

type Way = (by: Administrator, whom: Administrator) => Promise<LightMyRequestResponse>

const WAYS: readonly (readonly [name: string, byGroup: boolean, Way])[] = [
  [
    'DELETE of the role assignment',
    false,
    async (by, { assignmentId }) =>
      await by.person.call('DELETE', `/api/v1/role-assignments/${assignmentId}`),
  ],
  [
    'PATCH to an inactive user',
    false,
    async (by, { person }) =>
      await by.person.call('PATCH', `/api/v1/users/${person.id}`, { isActive: false }),
  ],
  [
    'DELETE of the user',
    false,
    async (by, { person }) => await by.person.call('DELETE', `/api/v1/users/${person.id}`),
  ],
  [
    'removal from the group',
    true,
    async (by, { person, groupId }) =>
      await by.person.call('POST', `/api/v1/groups/${groupId}/members`, { remove: [person.id] }),
  ],
  [
    'SCIM PATCH to an inactive user',
    false,
    async (_, { person }) => await client.send('PATCH', `/Users/${person.id}`, ENTRA_DISABLE),
  ],
]

/** Returns how often the loser was told that he is the last one. */
async function race(byGroup: boolean, first: Way, second: Way): Promise<number> {
  let lastOnes = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    await service.deps.db.deleteFrom('role_assignment').execute()
    const alice = await createAdministrator(byGroup)
    const bob = await createAdministrator(byGroup)
    const answers = await Promise.all([first(alice, bob), second(bob, alice)])
    const statuses = answers.map((answer) => answer.statusCode)
    expect(await administrators(), `round ${round}: ${statuses.join(', ')}`).toHaveLength(1)
    expect(statuses.filter((status) => status < 300)).toHaveLength(1)
    if (statuses.includes(409)) lastOnes += 1
    // 401 and 403: he was no administrator any more when his own request came to be judged.
    for (const status of statuses) expect([200, 204, 401, 403, 409]).toContain(status)
  }
  return lastOnes
}

test.each(WAYS)('%s, by both', { timeout: 120_000 }, async (_, byGroup, way) => {
  // Else nothing was at the same moment.
  expect(await race(byGroup, way, way)).toBeGreaterThan(0)
})

test('one by each other way', { timeout: 120_000 }, async () => {
  const ways = WAYS.flatMap(([, byGroup, way]) => (byGroup ? [] : [way]))
  let lastOnes = 0
  for (const [index, first] of ways.entries()) {
    for (const second of ways.slice(index + 1)) lastOnes += await race(false, first, second)
  }
  expect(lastOnes).toBeGreaterThan(0)
})
