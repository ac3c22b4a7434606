/** One's own account in a browser session, with the real forms. */

import type { Me } from '@keydesk/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { signInByDeviceCode } from '../testing/sign-in-by-device-code.ts'
import {
  addTestTotp,
  createTestAccount,
  PASSWORD,
  tryPassword,
  type TestAccount,
} from '../testing/test-account.ts'
import { TestBrowser } from '../testing/test-browser.ts'
import { requestToken } from '../testing/test-program.ts'
import { TestService } from '../testing/test-service.ts'

const CLI = { clientId: 'keydesk-cli', scope: 'openid offline_access Keydesk.Access' }
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

test('a new password ends all other sign-ins, and this browser goes on', async () => {
  const account = await createTestAccount(service)
  const thief = await signedIn(account)
  const { access_token, refresh_token = '' } = await signInByDeviceCode(service, account, CLI)
  const browser = await signedIn(account)
  // Tokens are dated by the machine's clock.
  service.deps.clock.advance(60)
  const before = browser.cookies.get('__Host-keydesk')?.value
  const good = { password: PASSWORD, newPassword: NEW_PASSWORD }
  const done = await browser.submit(await browser.open('/account'), '/password', good)
  expect(done.body).toContain('Your password is changed.')
  expect(browser.cookies.get('__Host-keydesk')?.value).not.toBe(before)
  // The forms of the page that he got are those of the new session.
  const again = { password: NEW_PASSWORD, newPassword: PASSWORD }
  expect((await browser.submit(done, '/password', again)).body).toContain('is changed')
  expect((await thief.open('/api/v1/me')).status).toBe(401)
  expect((await thief.open('/sign-in?returnTo=/readyz')).url).toMatch(/^\/sign-in\/with\//)
  const authorization = `Bearer ${access_token}`
  const byToken = await service.app.inject({ url: '/api/v1/me', headers: { authorization } })
  expect(byToken.statusCode).toBe(401)
  const refreshed = await requestToken(service, {
    grant_type: 'refresh_token',
    refresh_token,
    client_id: CLI.clientId,
  })
  expect(refreshed.statusCode).toBe(400)
})

test('the session after a change is no stronger or newer than the one before', async () => {
  const account = await createTestAccount(service)
  const browser = await signedIn(account)
  const me = async () => JSON.parse((await browser.open('/api/v1/me')).body) as Me
  const before = await me()
  service.deps.clock.advance(120)
  const good = { password: PASSWORD, newPassword: NEW_PASSWORD }
  await browser.submit(await browser.open('/account'), '/password', good)
  const after = await me()
  expect(after.session?.id).not.toBe(before.session?.id)
  expect(after.authenticatedAt).toBe(before.authenticatedAt)
  expect(after.methods).toEqual(before.methods)
})

test('removing the authenticator app ends all other sign-ins', async () => {
  const account = await createTestAccount(service)
  const { code } = await addTestTotp(service, account)
  const other = await signedIn(account, code())
  const browser = await signedIn(account, code(1))
  await browser.submit(await browser.open('/account'), '/totp/remove')
  expect((await other.open('/api/v1/me')).status).toBe(401)
  expect((await browser.open('/api/v1/me')).status).toBe(200)
})
