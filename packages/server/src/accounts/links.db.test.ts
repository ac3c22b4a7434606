/** Links that work once: first administrator, invitation, reset. Attackers first. */

import { randomUUID } from 'node:crypto'
import { GLOBAL_ADMINISTRATOR, type CreatedLink } from '@keydesk/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  addTestTotp,
  createTestAccount,
  PASSWORD,
  tryPassword,
  type TestAccount,
} from '../testing/test-account.ts'
import { TestBrowser, type TestPage } from '../testing/test-browser.ts'
import { startTestSession } from '../testing/test-session.ts'
import { TestService } from '../testing/test-service.ts'
import { insertGlobalAdministrator } from './account-queries.ts'
import { createSetupLink } from './create-setup-link.ts'
import { redeemSetupLink } from './redeem-setup-link.ts'

const NEW_PASSWORD = 'mulberry oxide tractor lane'
const HELPDESK = '729827e3-9c14-49f7-bb1b-9608f156bbb8'

let service: TestService

beforeAll(async () => {
  service = await TestService.start()
})

afterAll(async () => {
  await service[Symbol.asyncDispose]()
})

async function setupLink(): Promise<string> {
  const { db } = service.deps
  const url = await db.transaction().execute((trx) => createSetupLink(trx, service.deps))
  return new URL(url.reveal()).pathname
}

let lastUser = 0
function firstAdministrator(): Record<string, string> {
  lastUser += 1
  return {
    userPrincipalName: `first-${lastUser}@keydesk.example`,
    displayName: 'Ada Lovelace',
    newPassword: PASSWORD,
  }
}

async function linkOf(answer: { statusCode: number; json: () => unknown }): Promise<string> {
  expect(answer.statusCode).toBe(201)
  return new URL((answer.json() as CreatedLink).url).pathname
}

async function invite(account: TestAccount): Promise<string> {
  return await linkOf(await service.admin('POST', `/api/v1/users/${account.id}/invitation`))
}

async function reset(account: TestAccount, body: object = {}): Promise<string> {
  return await linkOf(
    await service.admin('POST', `/api/v1/users/${account.id}/password-reset`, body),
  )
}

async function setPassword(path: string, newPassword = NEW_PASSWORD): Promise<TestPage> {
  const browser = new TestBrowser(service)
  const page = await browser.open(path)
  return page.status === 200 ? await browser.submit(page, path, { newPassword }) : page
}

/** How many users are Global Administrator. */
async function administrators(): Promise<number> {
  const users = await service.deps.db
    .selectFrom('role_assignment')
    .innerJoin('directory_user', 'directory_user.id', 'role_assignment.principal_id')
    .where('role_id', '=', GLOBAL_ADMINISTRATOR)
    .select('directory_user.id')
    .execute()
  return users.length
}

const isSignedIn = (page: TestPage): boolean => page.url === '/readyz'

describe('the link of the first administrator', () => {
  test('makes one who has every right after a second factor, and then is gone', async () => {
    const path = await setupLink()
    const browser = new TestBrowser(service)
    const form = firstAdministrator()
    const done = await browser.submit(await browser.open(path), path, form)
    expect(done.body).toContain('Your password is set')
    const assignment = await service.deps.db
      .selectFrom('role_assignment')
      .innerJoin('directory_user', 'directory_user.id', 'role_assignment.principal_id')
      .select(['role_id', 'scope_type'])
      .where('user_principal_name', '=', form['userPrincipalName'] ?? '')
      .executeTakeFirst()
    expect(assignment).toEqual({ role_id: GLOBAL_ADMINISTRATOR, scope_type: 'directory' })
    const user = form['userPrincipalName'] ?? ''
    expect((await tryPassword(browser, user, PASSWORD)).url).toMatch(/\/set-up$/)
    expect((await browser.open(path)).status).toBe(404)
    const actions = (await service.auditEntries()).map(({ action }) => action)
    expect(actions).toEqual(expect.arrayContaining(['setupLink.create', 'setupLink.redeem']))
  })

  test('used twice in the same moment makes one administrator', async () => {
    const path = await setupLink()
    const before = await administrators()
    const ends = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const browser = new TestBrowser(service)
        return await browser.submit(await browser.open(path), path, firstAdministrator())
      }),
    )
    expect(ends.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 404, 404])
    expect(await administrators()).toBe(before + 1)
  })

  test('ends when a newer one is made, or its time is over', async () => {
    const first = await setupLink()
    const second = await setupLink()
    const browser = new TestBrowser(service)
    expect((await browser.open(first)).status).toBe(404)
    expect((await browser.open(second)).status).toBe(200)
    service.deps.clock.advance(24 * 3600 + 1)
    expect((await browser.open(second)).status).toBe(404)
  })

  test('is none if one character is different', async () => {
    const path = await setupLink()
    const changed = path.slice(0, -1) + (path.endsWith('A') ? 'B' : 'A')
    expect((await new TestBrowser(service).open(changed)).status).toBe(404)
  })

  test('says beside the field what is wrong, and keeps what was typed', async () => {
    const path = await setupLink()
    const browser = new TestBrowser(service)
    const page = await browser.open(path)
    const first = firstAdministrator()
    const weak = { ...first, newPassword: 'password1234' }
    const refused = await browser.submit(page, path, weak)
    expect(refused.status).toBe(422)
    expect(refused.body).toMatch(/id="newPassword-problem">[^<]*attackers try first/)
    expect(refused.body).toMatch(/aria-describedby="newPassword-problem newPassword-hint"/)
    expect(refused.body).toContain(first['userPrincipalName'])
    expect(refused.body).not.toContain('password1234')
    const noMail = await browser.submit(page, path, { ...weak, userPrincipalName: 'ada' })
    expect(noMail.body).toContain('Use the form of a mail address')
  })

  test('does not count from a page of another site', async () => {
    const path = await setupLink()
    const page = await new TestBrowser(service).open(path)
    const csrf = /name="csrf" value="([\w-]+)"/.exec(page.body)?.[1] ?? ''
    const answer = await service.app.inject({
      method: 'POST',
      url: path,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'sec-fetch-site': 'cross-site',
        origin: 'https://evil.example',
      },
      payload: new URLSearchParams({ ...firstAdministrator(), csrf }).toString(),
    })
    expect(answer.statusCode).toBe(403)
  })

  test('gives somebody from an external issuer the role, once', async () => {
    const token = (await setupLink()).replace('/welcome/', '')
    const account = await createTestAccount(service)
    const redeem = () =>
      service.deps.db
        .transaction()
        .execute((trx) => redeemSetupLink(trx, service.deps, token, account.id))
    await redeem()
    await expect(redeem()).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

describe('an invitation', () => {
  test('lets somebody choose his first password, once', async () => {
    const account = await createTestAccount(service, { hasPassword: false })
    const path = await invite(account)
    expect((await setPassword(path)).status).toBe(200)
    const page = await tryPassword(new TestBrowser(service), account.userName, NEW_PASSWORD)
    expect(isSignedIn(page)).toBe(true)
    expect((await setPassword(path)).status).toBe(404)
  })

  test('is not for whoever has a password, is disabled or does not exist', async () => {
    const account = await createTestAccount(service)
    const disabled = await createTestAccount(service, { hasPassword: false, isActive: false })
    for (const [id, code] of [
      [account.id, 'INVALID_REQUEST'],
      [disabled.id, 'INVALID_REQUEST'],
      [randomUUID(), 'NOT_FOUND'],
    ] as const) {
      const answer = await service.admin('POST', `/api/v1/users/${id}/invitation`)
      expect(answer.json()).toMatchObject({ code })
    }
  })

  test('that a database writer gives to another user works for nobody', async () => {
    const attacker = await createTestAccount(service, { hasPassword: false })
    const victim = await createTestAccount(service)
    const path = await invite(attacker)
    await service.deps.db
      .updateTable('one_time_link')
      .set({ user_id: victim.id })
      .where('user_id', '=', attacker.id)
      .execute()
    expect((await setPassword(path)).status).toBe(404)
  })
})

describe('a reset', () => {
  test('ends the old password and every session at once, and keeps the second factor', async () => {
    const account = await createTestAccount(service)
    const { code } = await addTestTotp(service, account)
    const session = await startTestSession(service, account.id)
    const me = () => service.app.inject({ url: '/api/v1/me', headers: session.reads })
    expect((await me()).statusCode).toBe(200)
    service.deps.clock.advance(1)
    const path = await reset(account)
    expect((await me()).statusCode).toBe(401)
    const old = await tryPassword(new TestBrowser(service), account.userName, PASSWORD)
    expect(old.status).toBe(422)
    service.deps.clock.advance(60)
    expect((await setPassword(path)).status).toBe(200)
    const browser = new TestBrowser(service, '192.0.2.9')
    const page = await tryPassword(browser, account.userName, NEW_PASSWORD)
    expect(isSignedIn(await browser.submit(page, '/code', { code: code() }))).toBe(true)
  })

  test('removes second factors only if that is asked', async () => {
    const account = await createTestAccount(service)
    await addTestTotp(service, account)
    expect((await setPassword(await reset(account, { removeSecondFactors: true }))).status).toBe(
      200,
    )
    // Sign-ins are dated in whole seconds; one of the second of the reset is refused.
    service.deps.clock.advance(2)
    const browser = new TestBrowser(service, '192.0.2.10')
    expect(isSignedIn(await tryPassword(browser, account.userName, NEW_PASSWORD))).toBe(true)
  })

  test('made without authority over roles is refused for whoever holds one', async () => {
    const helpdesk = await createTestAccount(service)
    await giveRole(helpdesk, HELPDESK)
    const session = await startTestSession(service, helpdesk.id)
    const target = await createTestAccount(service, { isAdministrator: true })
    const answer = await service.app.inject({
      method: 'POST',
      url: `/api/v1/users/${target.id}/password-reset`,
      headers: { ...session.writes, 'content-type': 'application/json' },
      payload: '{}',
    })
    expect(answer.json()).toMatchObject({ code: 'FORBIDDEN' })
  })

  test('made before its user was given a role does not open that role', async () => {
    const helpdesk = await createTestAccount(service)
    await giveRole(helpdesk, HELPDESK)
    const session = await startTestSession(service, helpdesk.id)
    const target = await createTestAccount(service)
    const answer = await service.app.inject({
      method: 'POST',
      url: `/api/v1/users/${target.id}/password-reset`,
      headers: { ...session.writes, 'content-type': 'application/json' },
      payload: '{}',
    })
    const path = await linkOf(answer)
    const assignment = { id: randomUUID(), userId: target.id, now: service.deps.clock.now() }
    await service.deps.db.transaction().execute((trx) => insertGlobalAdministrator(trx, assignment))
    const page = await setPassword(path)
    expect(page.status).toBe(404)
    expect(page.body).toContain('was given a role since')
  })

  test('needs a sign-in of the last minutes', async () => {
    const admin = await createTestAccount(service, { isAdministrator: true })
    const authenticatedAt = new Date(service.deps.clock.now().getTime() - 20 * 60_000)
    const session = await startTestSession(service, admin.id, { authenticatedAt })
    const target = await createTestAccount(service)
    const answer = await service.app.inject({
      method: 'POST',
      url: `/api/v1/users/${target.id}/password-reset`,
      headers: { ...session.writes, 'content-type': 'application/json' },
      payload: '{}',
    })
    expect(answer.json()).toMatchObject({ code: 'STEP_UP_REQUIRED' })
  })
})

async function giveRole(account: TestAccount, roleId: string): Promise<void> {
  await service.deps.db
    .insertInto('role_assignment')
    .values({
      id: randomUUID(),
      principal_id: account.id,
      role_id: roleId,
      scope_type: 'directory',
      created_at: service.deps.clock.now(),
    })
    .execute()
}
