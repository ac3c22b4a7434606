/**
 * The set-up of the first second factor as whoever knows only the password meets it: he can be
 * first, but neither second nor at the same time.
 */

import { Secret } from 'otpauth'
import { expect, test } from 'vitest'
import { createTestAccount, PASSWORD, totpCode, tryPassword } from '../testing/test-account.ts'
import type { TestAccount } from '../testing/test-account.ts'
import { TestBrowser, type TestPage } from '../testing/test-browser.ts'
import { TestPasskey } from '../testing/test-passkey.ts'
import { TestService } from '../testing/test-service.ts'

interface SettingUp {
  readonly browser: TestBrowser
  readonly page: TestPage
  readonly code: string
}

function secretOn({ body }: TestPage): Uint8Array {
  const spelled = /class="secret">\s*([A-Z2-7 ]+)/.exec(body)?.[1] ?? ''
  return Secret.fromBase32(spelled.replaceAll(' ', '')).bytes
}

async function settingUp(
  service: TestService,
  account: TestAccount,
  address: string,
): Promise<SettingUp> {
  const browser = new TestBrowser(service, address)
  const page = await tryPassword(browser, account.userName, PASSWORD)
  expect(page.url).toMatch(/\/set-up$/)
  return { browser, page, code: totpCode(secretOn(page), service.deps.clock.now()) }
}

const finish = async ({ browser, page, code }: SettingUp): Promise<TestPage> =>
  await browser.submit(page, '/totp', { code })

test('of two set-ups in the same moment one wins, and the other gets no codes', async () => {
  await using service = await TestService.start()
  for (let round = 0; round < 5; round += 1) {
    const account = await createTestAccount(service, { isAdministrator: true })
    const visits = [
      await settingUp(service, account, `192.0.2.${round}`),
      await settingUp(service, account, `198.51.100.${round}`),
    ]
    const ends = await Promise.all(visits.map(finish))
    const statuses = ends.map(({ status }) => status)
    expect(statuses.sort((a, b) => a - b)).toEqual([200, 403])
    const added = (await service.auditEntries()).filter(
      ({ action, actor }) =>
        action === 'account.addTotp' && 'id' in actor && actor.id === account.id,
    )
    expect(added).toHaveLength(1)
  }
})

test('a passkey cannot be the first one after an app, in a visit that was begun before', async () => {
  await using service = await TestService.start()
  const account = await createTestAccount(service, { isAdministrator: true })
  const owner = await settingUp(service, account, '192.0.2.1')
  const attacker = await settingUp(service, account, '192.0.2.2')
  const csrf = /name="csrf" value="([\w-]+)"/.exec(attacker.page.body)?.[1] ?? ''
  const path = `${attacker.page.url}/passkey`
  const options = await attacker.browser.post(`${path}/options`, { csrf })
  const credential = new TestPasskey(service.deps.config.origin).create(options.body)
  const [app, passkey] = await Promise.all([
    finish(owner),
    attacker.browser.post(path, { csrf, credential }),
  ])
  expect([app.url.endsWith('/totp'), passkey.url === '/readyz']).toContain(true)
  const { db } = service.deps
  const apps = await db.selectFrom('account_totp').selectAll().execute()
  const passkeys = await db.selectFrom('passkey').selectAll().execute()
  expect(apps.length + passkeys.length).toBe(1)
})

test('a second app is refused on the own page, until the first one is removed', async () => {
  await using service = await TestService.start()
  const account = await createTestAccount(service, { isAdministrator: true })
  const visit = await settingUp(service, account, '192.0.2.1')
  const { browser } = visit
  await browser.submit(await finish(visit), '/go-on')
  const removed = await browser.submit(await browser.open('/account'), '/totp/remove')
  const codeOn = (page: TestPage) => totpCode(secretOn(page), service.deps.clock.now())
  // Two pages were open with forms for a new app; the same cookie has the secret of both.
  const added = await browser.submit(removed, '/totp', { code: codeOn(removed) })
  expect(added.body.match(/<li>[0-9a-z]{5}-[0-9a-z]{5}<\/li>/g)).toHaveLength(10)
  const again = await browser.submit(removed, '/totp', { code: codeOn(removed) })
  expect(again.status).toBe(422)
  expect(again.body).toContain('There is an authenticator app already.')
})
