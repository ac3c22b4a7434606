/** One's own account in a browser session, with the real forms. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  addTestTotp,
  createTestAccount,
  PASSWORD,
  tryPassword,
  type TestAccount,
} from '../testing/test-account.ts'
import { TestBrowser } from '../testing/test-browser.ts'
import { TestService } from '../testing/test-service.ts'

const NEW_PASSWORD = 'mulberry oxide tractor lane'

let service: TestService

beforeAll(async () => {
  service = await TestService.start()
})

afterAll(async () => {
  await service[Symbol.asyncDispose]()
})

let lastAddress = 0
async function signedIn(account: TestAccount, code?: string): Promise<TestBrowser> {
  lastAddress += 1
  const browser = new TestBrowser(service, `192.0.2.${lastAddress}`)
  const page = await tryPassword(browser, account.userName, PASSWORD)
  const end = code === undefined ? page : await browser.submit(page, '/code', { code })
  expect(end.url).toBe('/readyz')
  return browser
}

test('a stranger is sent to the sign-in, and a program is refused', async () => {
  const page = await new TestBrowser(service).open('/account')
  expect(page.url).toMatch(/^\/sign-in\/with\//)
  expect((await service.app.inject('/account')).statusCode).toBe(401)
})

test('the password changes with the current one only, and to a good one only', async () => {
  const account = await createTestAccount(service)
  const browser = await signedIn(account)
  const page = await browser.open('/account')
  const wrong = { password: 'wrong wrong wrong', newPassword: NEW_PASSWORD }
  expect((await browser.submit(page, '/password', wrong)).status).toBe(422)
  const weak = { password: PASSWORD, newPassword: 'password1234' }
  const refused = await browser.submit(page, '/password', weak)
  expect(refused.body).toContain('attackers try first')
  const good = { password: PASSWORD, newPassword: NEW_PASSWORD }
  const done = await browser.submit(page, '/password', good)
  expect(done.body).toContain('Your password is changed.')
  const old = await tryPassword(new TestBrowser(service, '203.0.113.1'), account.userName, PASSWORD)
  expect(old.status).toBe(422)
})

test('a form without the token of the session is refused', async () => {
  const account = await createTestAccount(service)
  const browser = await signedIn(account)
  const good = { password: PASSWORD, newPassword: NEW_PASSWORD, csrf: 'A'.repeat(43) }
  expect((await browser.post('/account/password', good)).status).toBe(403)
})

test('somebody with a password only steps up before he adds a way in', async () => {
  const account = await createTestAccount(service)
  const browser = await signedIn(account)
  const page = await browser.open('/account')
  const end = await browser.submit(page, '/totp', { code: '123456' })
  expect(end.url).toMatch(/^\/sign-in\/with\//)
  expect(end.body).toContain('Is it you?')
})

test('with a fresh second factor he makes new backup codes and removes the app', async () => {
  const account = await createTestAccount(service)
  const { code, backupCodes } = await addTestTotp(service, account)
  const browser = await signedIn(account, code())
  const page = await browser.open('/account')
  expect(page.body).toContain('10 of your backup codes are left')
  const codes = await browser.submit(page, '/backup-codes')
  const shown = codes.body.match(/<li>([0-9a-z]{5}-[0-9a-z]{5})<\/li>/g) ?? []
  expect(shown).toHaveLength(10)
  expect(codes.body).not.toContain(backupCodes[0])
  const removed = await browser.submit(await browser.open('/account'), '/totp/remove')
  expect(removed.body).toContain('Scan this with an authenticator app')
  const actions = (await service.auditEntries()).map(({ action }) => action)
  expect(actions).toEqual(
    expect.arrayContaining(['account.renewBackupCodes', 'account.removeTotp']),
  )
})

test('sessions in other browsers are seen and ended', async () => {
  const account = await createTestAccount(service)
  const other = await signedIn(account)
  const browser = await signedIn(account)
  const page = await browser.open('/account')
  const after = await browser.submit(page, /\/account\/sessions\/.*\/end$/)
  expect(after.body).not.toMatch(/action="\/account\/sessions\//)
  expect((await other.open('/api/v1/me')).status).toBe(401)
})
