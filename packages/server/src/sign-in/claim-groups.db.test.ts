/** The groups claim of an issuer of another make-up than ours, in a process of its own. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  CLIENT_ID,
  ForeignIssuer,
  type IssuerPerson,
} from '../../../../test/support/issuer-process.ts'
import { insertTestGroup } from '../testing/test-people.ts'
import { TestVisitor } from '../testing/test-visitor.ts'
import { TestService } from '../testing/test-service.ts'

const ORIGIN = 'https://keydesk.example'

let issuer: ForeignIssuer
let service: TestService
let browser: TestVisitor
beforeAll(async () => {
  issuer = await ForeignIssuer.start({ origin: ORIGIN })
  service = await TestService.start({
    oidcIssuer: issuer.url,
    oidcClientId: CLIENT_ID,
    oidcClientSecretFile: issuer.secretFile,
  })
})
afterAll(async () => {
  await service[Symbol.asyncDispose]()
  await issuer[Symbol.asyncDispose]()
})
beforeEach(() => {
  browser = new TestVisitor(service)
})

let count = 0
/** Somebody new, who signs in next. */
async function somebody(more: Partial<IssuerPerson> = {}): Promise<IssuerPerson> {
  count += 1
  const sub = more.sub ?? `person-${count}`
  const claims = { preferred_username: `${sub}@keydesk.example`, name: `Person ${sub}` }
  const person = { sub, ...more, claims: { ...claims, ...more.claims } }
  await issuer.person(person)
  return person
}

async function userRow(sub: string) {
  return await service.deps.db
    .selectFrom('directory_user')
    .selectAll()
    .where('subject', '=', sub)
    .executeTakeFirstOrThrow()
}

describe('groups', () => {
  async function group(externalId: string): Promise<string> {
    const body = { displayName: externalId, issuerGroup: externalId }
    const response = await service.admin('POST', '/api/v1/groups', body)
    return response.json<{ id: string }>().id
  }

  async function groupsOf(sub: string) {
    const { id } = await userRow(sub)
    const rows = await service.deps.db
      .selectFrom('group_member')
      .select(['group_id', 'source'])
      .where('user_id', '=', id)
      .execute()
    return rows.map(({ group_id, source }) => `${group_id} ${source}`).toSorted()
  }

  test('are those of the claim that exist here, and go with the next sign-in that lacks them', async () => {
    const [first, second] = [await group('g-first'), await group('g-second')]
    const { sub } = await somebody({ claims: { groups: ['g-first', 'g-second', 'g-unknown'] } })
    await browser.signIn()
    expect(await groupsOf(sub)).toEqual([`${first} claim`, `${second} claim`].toSorted())
    await somebody({ sub, claims: { groups: ['g-second'] } })
    await new TestVisitor(service).signIn()
    expect(await groupsOf(sub)).toEqual([`${second} claim`])
    await somebody({ sub })
    await new TestVisitor(service).signIn()
    expect(await groupsOf(sub)).toEqual([])
  })

  test.each([
    ['hasgroups', { hasgroups: true }],
    ['_claim_names', { _claim_names: { groups: 'src1' } }],
  ])('that are too many to be named (%s) are none', async (_, overage) => {
    await group(`g-overage-${_}`)
    const { sub } = await somebody({ claims: { groups: [`g-overage-${_}`] } })
    await browser.signIn()
    expect(await groupsOf(sub)).toHaveLength(1)
    await somebody({ sub, claims: { groups: [`g-overage-${_}`], ...overage } })
    await new TestVisitor(service).signIn()
    expect(await groupsOf(sub)).toEqual([])
  })

  test('that somebody assigned stay assigned, whatever the claim says', async () => {
    const { sub } = await somebody()
    await browser.signIn()
    const { id } = await userRow(sub)
    const assigned = await insertTestGroup(service.deps.db, [{ id }])
    await service.deps.db
      .updateTable('directory_group')
      .set({ external_id: 'g-assigned' })
      .where('id', '=', assigned)
      .execute()
    for (const groups of [['g-assigned'], []]) {
      await somebody({ sub, claims: { groups } })
      await new TestVisitor(service).signIn()
      expect(await groupsOf(sub)).toEqual([`${assigned} assigned`])
    }
  })
})
