/**
 * Browser sessions as an attacker meets them: forged, stolen from the database, replanted, old,
 * sent by a foreign page. What is asked is the list of enrolment tokens, as an administrator.
 */

import { randomUUID } from 'node:crypto'
import { GLOBAL_ADMINISTRATOR } from '@keydesk/contract'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { endSignIns } from '../directory/end-sign-ins.ts'
import { insertTestUser } from '../testing/test-people.ts'
import { TestService } from '../testing/test-service.ts'
import { startTestSession, type TestSession } from '../testing/test-session.ts'

const ROUTE = '/api/v1/enrollment-tokens'
const FOREIGN = 'https://attacker.example'

let service: TestService
let userId: string
let session: TestSession
beforeAll(async () => {
  service = await TestService.start()
})
afterAll(async () => service[Symbol.asyncDispose]())
beforeEach(async () => {
  userId = await administrator()
  session = await startTestSession(service, userId)
})

async function administrator(): Promise<string> {
  const id = await insertTestUser(service.deps.db)
  await service.deps.db
    .insertInto('role_assignment')
    .values({
      id: randomUUID(),
      principal_id: id,
      role_id: GLOBAL_ADMINISTRATOR,
      scope_type: 'directory',
      created_at: service.deps.clock.now(),
    })
    .execute()
  return id
}

async function read(headers: Readonly<Record<string, string>>) {
  return await service.app.inject({ method: 'GET', url: ROUTE, headers: { ...headers } })
}

async function write(headers: Readonly<Record<string, string>>) {
  return await service.app.inject({
    method: 'POST',
    url: ROUTE,
    headers: { ...headers, 'content-type': 'application/json' },
    payload: JSON.stringify({ name: 'test', usesMax: 1, expiresInSeconds: 3600 }),
  })
}

async function update(change: Record<string, unknown>): Promise<void> {
  await service.deps.db.updateTable('session').set(change).where('id', '=', session.id).execute()
}

test('a session reads, and changes with its token from a page of this server', async () => {
  expect((await read(session.reads)).statusCode).toBe(200)
  expect((await write(session.writes)).statusCode).toBe(201)
})

test('the cookie is of no use without its secret, or with the secret of another session', async () => {
  const other = await startTestSession(service, userId)
  const [name, value] = (session.reads['cookie'] ?? '').split('=')
  const secret = (other.reads['cookie'] ?? '').split('.')[1]
  for (const cookie of [`${session.id}.${'A'.repeat(43)}`, `${session.id}.${secret}`, session.id]) {
    const response = await read({ cookie: `${name}=${cookie}` })
    expect(response.json()).toMatchObject({ code: 'UNAUTHENTICATED' })
  }
  expect(value?.startsWith(session.id)).toBe(true)
})

test.each([
  ['to another user', async () => ({ user_id: await administrator() })],
  ['to last longer', async () => ({ expires_at: new Date(Date.now() + 1e10) })],
  ['to a newer sign-in', async () => ({ authenticated_at: new Date(Date.now() + 1000) })],
  ['to a stronger sign-in', async () => ({ acr: 'urn:keydesk:acr:other' })],
  ['to other methods', async () => ({ amr: ['hwk'] })],
  ['to another issuer', async () => ({ issuer: 'https://issuer.example' })],
])('a session that somebody changed in the database %s is worth nothing', async (_, change) => {
  await update(await change())
  expect((await read(session.reads)).json()).toMatchObject({
    code: 'UNAUTHENTICATED',
    detail: 'The session has ended. Sign in again.',
  })
})

test('what the database holds does not make a cookie', async () => {
  const row = await service.deps.db
    .selectFrom('session')
    .selectAll()
    .where('id', '=', session.id)
    .executeTakeFirstOrThrow()
  const name = (session.reads['cookie'] ?? '').split('=')[0]
  const cookie = `${name}=${row.id}.${row.mac.toString('base64url')}`
  expect((await read({ cookie })).statusCode).toBe(401)
})

test.each([
  ['without the token', () => ({ ...session.reads, origin: service.deps.config.origin })],
  ['from a foreign origin', () => ({ ...session.writes, origin: FOREIGN })],
  [
    'from a foreign site, by the browser',
    () => ({ ...session.writes, 'sec-fetch-site': 'cross-site' }),
  ],
  ['from a neighbour', () => ({ ...session.writes, 'sec-fetch-site': 'same-site' })],
  ['from nowhere', () => ({ ...session.reads, 'x-keydesk-csrf': session.csrf })],
  ['from an opaque origin', () => ({ ...session.writes, origin: 'null' })],
])('a change %s is refused', async (_, headers) => {
  const response = await write(headers())
  expect(response.statusCode).toBe(403)
  expect(response.json()).toMatchObject({ code: 'REQUEST_FORGED' })
})

test('a change with the token of another session of the same user is refused', async () => {
  const other = await startTestSession(service, userId)
  const response = await write({ ...session.writes, 'x-keydesk-csrf': other.csrf })
  expect(response.json()).toMatchObject({ code: 'REQUEST_FORGED' })
})

test('a page whose policy hides its origin is believed by fetch metadata', async () => {
  const headers = { ...session.writes, origin: 'null', 'sec-fetch-site': 'same-origin' }
  expect((await write(headers)).statusCode).toBe(201)
})

test('a foreign page reads nothing, even if the browser sent the cookie', async () => {
  const headers = { ...session.reads, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }
  expect((await read(headers)).json()).toMatchObject({ code: 'REQUEST_FORGED' })
})

test('a form is not read where programs send JSON', async () => {
  const response = await service.app.inject({
    method: 'POST',
    url: ROUTE,
    headers: { ...session.reads, 'content-type': 'application/x-www-form-urlencoded' },
    payload: `csrf=${session.csrf}&name=test`,
  })
  expect(response.json()).toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE' })
})

test('an Authorization header wins over the cookie, also a wrong one', async () => {
  const response = await read({ ...session.reads, authorization: 'Bearer wrong' })
  expect(response.json()).toMatchObject({ code: 'UNAUTHENTICATED' })
})

test('a session that is not used ends, one that is used goes on until its last hour', async () => {
  const { clock, config } = service.deps
  for (let used = 0; used < config.sessionAbsoluteSeconds - 1800; used += 1800) {
    expect((await read(session.reads)).statusCode).toBe(200)
    clock.advance(1800)
  }
  clock.advance(1800)
  expect((await read(session.reads)).statusCode).toBe(401)
  const idle = await startTestSession(service, userId)
  clock.advance(config.sessionIdleSeconds - 1)
  expect((await read(idle.reads)).statusCode).toBe(200)
  clock.advance(config.sessionIdleSeconds)
  expect((await read(idle.reads)).statusCode).toBe(401)
})

test('whoever is disabled is out at once, in every session', async () => {
  const other = await startTestSession(service, userId)
  await service.deps.db
    .updateTable('directory_user')
    .set({ is_active: false })
    .where('id', '=', userId)
    .execute()
  for (const { reads } of [session, other]) expect((await read(reads)).statusCode).toBe(401)
})

test('ending sign-ins ends the sessions of these users only, and says how many', async () => {
  const bystander = await startTestSession(service, await administrator())
  await startTestSession(service, userId)
  const end = async () =>
    await service.deps.db
      .transaction()
      .execute((trx) => endSignIns(trx, [userId], service.deps.clock.now()))
  expect(await end()).toBe(2)
  expect(await end()).toBe(0)
  expect((await read(session.reads)).statusCode).toBe(401)
  expect((await read(bystander.reads)).statusCode).toBe(200)
})
