/** The issuer's session in a browser: on a real socket, between people, and its end. */

import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestAccount, PASSWORD, type TestAccount } from '../testing/test-account.ts'
import { TestBrowser, type TestPage } from '../testing/test-browser.ts'
import { TestService } from '../testing/test-service.ts'

let service: TestService
beforeAll(async () => {
  service = await TestService.start()
})
afterAll(async () => await service[Symbol.asyncDispose]())

const SESSION = '__Host-keydesk-issuer'

async function startDeviceCode(): Promise<string> {
  const answer = await service.app.inject({
    method: 'POST',
    url: '/oidc/device/auth',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: 'client_id=keydesk-cli&scope=openid Keydesk.Access',
  })
  return answer.json<{ user_code: string }>().user_code
}

/** Up to the sign-in, or to the end where the browser is signed in. */
async function connect(browser: TestBrowser, more = ''): Promise<TestPage> {
  const form = { user_code: await startDeviceCode() }
  const page = await browser.submit(await browser.open(`/oidc/device${more}`), /device/, form)
  return await browser.submit(page, /device/, { confirm: 'yes' })
}

async function signIn(browser: TestBrowser, page: TestPage, account: TestAccount) {
  const form = { userName: account.userName, password: PASSWORD }
  return await browser.submit(page, page.url.split('?')[0] ?? '', form)
}

test('whoever signed in is not asked again for the next program', async () => {
  const [browser, account] = [new TestBrowser(service), await createTestAccount(service)]
  const page = await connect(browser)
  expect(page.url).toMatch(/^\/sign-in\/with\//)
  expect((await signIn(browser, page, account)).body).toContain('You can close this page')
  expect((await connect(browser)).body).toContain('You can close this page')
})

test('a person who was disabled is asked to sign in, and another one can', async () => {
  const [browser, gone] = [new TestBrowser(service), await createTestAccount(service)]
  await signIn(browser, await connect(browser), gone)
  await service.deps.db
    .updateTable('directory_user')
    .set({ is_active: false })
    .where('id', '=', gone.id)
    .execute()
  const page = await connect(browser)
  expect(page.url).toMatch(/^\/sign-in\/with\//)
  const next = await createTestAccount(service)
  expect((await signIn(browser, page, next)).body).toContain('You can close this page')
})

test('signing out asks, ends the session, and needs no script', async () => {
  const [browser, account] = [new TestBrowser(service), await createTestAccount(service)]
  await signIn(browser, await connect(browser), account)
  const page = await browser.open('/oidc/session/end')
  expect(page.body).toContain('Sign out?')
  const done = await browser.submit(page, /session\/end/, { logout: 'yes' })
  expect(done.body).toContain('Signed out')
  expect(browser.cookies.get(SESSION)?.value ?? '').toBe('')
  const again = await browser.open('/oidc/session/end')
  expect(again.body).not.toContain('<script')
  expect(again.body).toContain('Continue')
  expect((await connect(browser)).url).toMatch(/^\/sign-in\/with\//)
})

test('a foreign page cannot sign somebody out', async () => {
  const [browser, account] = [new TestBrowser(service), await createTestAccount(service)]
  await signIn(browser, await connect(browser), account)
  await browser.post('/oidc/session/end/confirm', { logout: 'yes', xsrf: 'guessed' })
  expect((await connect(browser)).body).toContain('You can close this page')
})

test('it works on a real socket too, with the same headers', async () => {
  await service.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = service.app.server.address() as AddressInfo
  const page = await fetch(`http://127.0.0.1:${port}/oidc/device`, {
    headers: { accept: 'text/html' },
  })
  expect(page.status).toBe(200)
  expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
  expect(page.headers.get('strict-transport-security')).toContain('max-age')
  expect(page.headers.get('cache-control')).toBe('no-store')
  expect(await page.text()).toContain('Connect a program')
  const token = await fetch(`http://127.0.0.1:${port}/oidc/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id: 'x' }),
  })
  expect(token.status).toBe(401)
  expect(await token.json()).toMatchObject({ error: 'invalid_client' })
  const large = await fetch(`http://127.0.0.1:${port}/oidc/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'x'.repeat(100_000) }),
  })
  expect(large.status).toBeGreaterThanOrEqual(400)
})

test('a body that is not a form is refused', async () => {
  for (const type of ['application/json', 'text/plain']) {
    const answer = await service.app.inject({
      method: 'POST',
      url: '/oidc/token',
      headers: { 'content-type': type },
      payload: '{"grant_type":"client_credentials"}',
    })
    expect(answer.statusCode).toBe(400)
    expect(answer.json()).toMatchObject({ error: 'invalid_request' })
  }
})
