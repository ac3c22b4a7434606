/** The sign-in of the built-in issuer with the real forms, from the portal's link to a session. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  addTestTotp,
  createTestAccount,
  openSignIn,
  PASSWORD,
  totpCode,
  tryPassword,
} from '../testing/test-account.ts'
import { TestBrowser, type TestPage } from '../testing/test-browser.ts'
import { TestService } from '../testing/test-service.ts'

let service: TestService

beforeAll(async () => {
  service = await TestService.start()
})

afterAll(async () => {
  await service[Symbol.asyncDispose]()
})

let lastAddress = 0
/** From an address that nobody has used. */
function newBrowser(of: TestService = service): TestBrowser {
  lastAddress += 1
  return new TestBrowser(of, `198.51.${lastAddress >> 8}.${lastAddress & 255}`)
}

const isSignedIn = (page: TestPage): boolean => page.url === '/readyz' && page.status === 200

async function hashesComputed(): Promise<number> {
  const { values } = await service.deps.metrics.passwordHashes.get()
  return values[0]?.value ?? 0
}

async function lastEntries(action: string) {
  return (await service.auditEntries()).filter((entry) => entry.action === action)
}

describe('with a password', () => {
  test('somebody without a role gets a session, and it is on record how', async () => {
    const account = await createTestAccount(service)
    const browser = newBrowser()
    expect(isSignedIn(await tryPassword(browser, account.userName, PASSWORD))).toBe(true)
    expect(browser.cookies.has('__Host-keydesk')).toBe(true)
    const entry = (await lastEntries('account.signIn')).at(-1)
    expect(entry).toMatchObject({
      outcome: 'success',
      actor: { type: 'user', id: account.id, name: account.userName },
      detail: { acr: 'urn:keydesk:acr:password', amr: 'pwd', clientId: 'keydesk-portal' },
    })
  })

  test('the name is taken in any case, the password only as it is', async () => {
    const account = await createTestAccount(service)
    const upper = account.userName.toUpperCase()
    const wrong = await tryPassword(newBrowser(), upper, PASSWORD.toUpperCase())
    expect(wrong.status).toBe(422)
    expect(isSignedIn(await tryPassword(newBrowser(), upper, PASSWORD))).toBe(true)
  })

  test('unknown, wrong, disabled and without password look the same and cost the same', async () => {
    const existing = await createTestAccount(service)
    const disabled = await createTestAccount(service, { isActive: false })
    const invited = await createTestAccount(service, { hasPassword: false })
    const guesses = [
      ['nobody-000@keydesk.example', PASSWORD],
      [existing.userName, `${PASSWORD}!`],
      [disabled.userName, PASSWORD],
      [invited.userName, PASSWORD],
      [invited.userName, ''],
    ] as const
    const seen = new Set<string>()
    for (const [userName, password] of guesses) {
      const before = await hashesComputed()
      const page = await tryPassword(newBrowser(), userName, password)
      expect(await hashesComputed()).toBe(before + 1)
      expect(page.status).toBe(422)
      expect(page.body).toContain('The user name or the password is not right.')
      const plain = page.body
        .replaceAll(userName, 'NAME')
        .replaceAll(/\/sign-in\/with\/[\w-]+/g, 'PATH')
        .replaceAll(/name="csrf" value="[\w-]+"/g, 'CSRF')
      seen.add(plain)
    }
    expect(seen.size).toBe(1)
  })

  test('a hash that was copied from another user, or written as the attacker knows, fits nothing', async () => {
    const victim = await createTestAccount(service)
    const attacker = await createTestAccount(service)
    const { db } = service.deps
    const { hash } = await db
      .selectFrom('account_password')
      .select('hash')
      .where('user_id', '=', attacker.id)
      .executeTakeFirstOrThrow()
    await db
      .updateTable('account_password')
      .set({ hash })
      .where('user_id', '=', victim.id)
      .execute()
    expect((await tryPassword(newBrowser(), victim.userName, PASSWORD)).status).toBe(422)
  })

  test('a form of another page, or of another sign-in, is refused', async () => {
    const account = await createTestAccount(service)
    const browser = newBrowser()
    const page = await openSignIn(browser)
    const fields = { userName: account.userName, password: PASSWORD }
    const other = await openSignIn(newBrowser())
    const otherCsrf = /name="csrf" value="([\w-]+)"/.exec(other.body)?.[1] ?? ''
    const forged = await browser.post(page.url, { ...fields, csrf: otherCsrf })
    expect(forged.status).toBe(403)
    const ownCsrf = /name="csrf" value="([\w-]+)"/.exec(page.body)?.[1] ?? ''
    const crossSite = await service.app.inject({
      method: 'POST',
      url: page.url,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'sec-fetch-site': 'cross-site',
        cookie: [...browser.cookies].map(([name, { value }]) => `${name}=${value}`).join('; '),
      },
      payload: new URLSearchParams({ ...fields, csrf: ownCsrf }).toString(),
    })
    expect(crossSite.statusCode).toBe(403)
    expect(isSignedIn(await browser.submit(page, page.url, fields))).toBe(true)
  })

  test('another browser cannot use an interaction', async () => {
    const page = await openSignIn(newBrowser())
    const stolen = await newBrowser().open(page.url)
    expect(stolen.status).toBe(404)
    expect(stolen.body).toContain('This page is gone')
  })

  test('to cancel gives the portal no session', async () => {
    const browser = newBrowser()
    const page = await openSignIn(browser)
    const end = await browser.submit(page, '/abort')
    expect(end.url).toContain('/sign-in/callback')
    expect(end.status).toBeGreaterThanOrEqual(400)
    expect(browser.cookies.has('__Host-keydesk')).toBe(false)
  })

  test('pages are not stored, framed or scripted, and their assets are there', async () => {
    const { headers, body } = await openSignIn(newBrowser())
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe')
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'strict-transport-security': expect.stringContaining('max-age=') as string,
    })
    expect(body).not.toMatch(/<script(?! src=)|style="|<style|\son\w+=/)
    for (const [, asset = ''] of body.matchAll(/(?:href|src)="(\/sign-in\/assets\/[^"]+)"/g)) {
      expect((await service.app.inject(asset)).statusCode).toBe(200)
    }
  })
})

describe('with a second factor', () => {
  test('a password alone leads to the second step and no further', async () => {
    const account = await createTestAccount(service)
    await addTestTotp(service, account)
    const browser = newBrowser()
    const page = await tryPassword(browser, account.userName, PASSWORD)
    expect(page.url).toMatch(/\/code$/)
    expect(browser.cookies.has('__Host-keydesk')).toBe(false)
    const skipped = await browser.post(page.url.replace('/code', '/go-on'), {
      csrf: /name="csrf" value="([\w-]+)"/.exec(page.body)?.[1] ?? '',
    })
    expect(skipped.url).toMatch(/\/sign-in\/with\/[\w-]+$/)
    const setUp = await browser.open(page.url.replace('/code', '/set-up'))
    expect(setUp.status).toBe(403)
  })

  test('the code of the app ends in a session that says so', async () => {
    const account = await createTestAccount(service)
    const { code } = await addTestTotp(service, account)
    const browser = newBrowser()
    service.deps.clock.advance(60)
    const page = await tryPassword(browser, account.userName, PASSWORD)
    expect(isSignedIn(await browser.submit(page, '/code', { code: code() }))).toBe(true)
    expect((await lastEntries('account.signIn')).at(-1)).toMatchObject({
      detail: { acr: 'urn:keydesk:acr:mfa', amr: 'pwd otp mfa' },
    })
  })

  test('a code works once, also for two browsers in the same moment', async () => {
    const account = await createTestAccount(service)
    const { code } = await addTestTotp(service, account)
    service.deps.clock.advance(60)
    const browsers = Array.from({ length: 4 }, () => newBrowser())
    const pages = await Promise.all(
      browsers.map((browser) => tryPassword(browser, account.userName, PASSWORD)),
    )
    const ends = await Promise.all(
      browsers.map((browser, index) => browser.submit(pages[index]!, '/code', { code: code() })),
    )
    expect(ends.filter(isSignedIn)).toHaveLength(1)
  })

  test('neighbouring codes are taken, older and earlier ones are not', async () => {
    const account = await createTestAccount(service)
    const { code } = await addTestTotp(service, account)
    service.deps.clock.advance(120)
    const browser = newBrowser()
    const page = await tryPassword(browser, account.userName, PASSWORD)
    const old = await browser.submit(page, '/code', { code: code(-2) })
    expect(old.status).toBe(422)
    const next = await browser.submit(old, '/code', { code: code(1) })
    expect(isSignedIn(next)).toBe(true)
    const second = newBrowser()
    const again = await tryPassword(second, account.userName, PASSWORD)
    expect((await second.submit(again, '/code', { code: code(0) })).status).toBe(422)
  })

  test('a backup code works once', async () => {
    const account = await createTestAccount(service)
    const { backupCodes } = await addTestTotp(service, account)
    const typed = backupCodes[3]!.toUpperCase().replace('-', ' ')
    const browser = newBrowser()
    const page = await tryPassword(browser, account.userName, PASSWORD)
    expect(isSignedIn(await browser.submit(page, '/code', { code: typed }))).toBe(true)
    const second = newBrowser()
    const again = await tryPassword(second, account.userName, PASSWORD)
    expect((await second.submit(again, '/code', { code: typed })).status).toBe(422)
    expect(await lastEntries('account.useBackupCode')).toHaveLength(1)
  })

  test('secrets that were swapped between users are refused', async () => {
    const victim = await createTestAccount(service)
    const attacker = await createTestAccount(service)
    await addTestTotp(service, victim)
    const { code, backupCodes } = await addTestTotp(service, attacker)
    const { db, clock } = service.deps
    for (const table of ['account_totp', 'account_backup_code'] as const) {
      await db.deleteFrom(table).where('user_id', '=', victim.id).execute()
      await db
        .updateTable(table)
        .set({ user_id: victim.id })
        .where('user_id', '=', attacker.id)
        .execute()
    }
    clock.advance(60)
    for (const typed of [code(), backupCodes[0]!]) {
      const browser = newBrowser()
      const page = await tryPassword(browser, victim.userName, PASSWORD)
      expect((await browser.submit(page, '/code', { code: typed })).status).toBe(422)
    }
  })

  test('guesses of codes are limited by account, whatever the address', async () => {
    const account = await createTestAccount(service)
    const { code } = await addTestTotp(service, account)
    service.deps.clock.advance(60)
    for (let guess = 0; guess < 5; guess += 1) {
      const browser = newBrowser()
      const page = await tryPassword(browser, account.userName, PASSWORD)
      expect((await browser.submit(page, '/code', { code: '000000' })).status).toBe(422)
    }
    const browser = newBrowser()
    const page = await tryPassword(browser, account.userName, PASSWORD)
    const refused = await browser.submit(page, '/code', { code: code() })
    expect(refused.status).toBe(429)
    expect(refused.body).toContain('Too many attempts')
    service.deps.clock.advance(61)
    const later = await tryPassword(browser, account.userName, PASSWORD)
    expect(isSignedIn(await browser.submit(later, '/code', { code: code() }))).toBe(true)
  })

  test('who was disabled between the two steps does not get in', async () => {
    const account = await createTestAccount(service)
    const { code } = await addTestTotp(service, account)
    service.deps.clock.advance(60)
    const browser = newBrowser()
    const page = await tryPassword(browser, account.userName, PASSWORD)
    await service.deps.db
      .updateTable('directory_user')
      .set({ is_active: false })
      .where('id', '=', account.id)
      .execute()
    const end = await browser.submit(page, '/code', { code: code() })
    expect(end.status).toBe(401)
    expect(browser.cookies.has('__Host-keydesk')).toBe(false)
  })
})

describe('whoever holds a role', () => {
  test('sets up a second factor before he goes on, and gets backup codes once', async () => {
    const account = await createTestAccount(service, { isAdministrator: true })
    const browser = newBrowser()
    const page = await tryPassword(browser, account.userName, PASSWORD)
    expect(page.url).toMatch(/\/set-up$/)
    const spelled = /class="secret">\s*([A-Z2-7 ]+)/.exec(page.body)?.[1] ?? ''
    const wrong = await browser.submit(page, '/totp', { code: '123456' })
    expect(wrong.status).toBe(422)
    expect(wrong.body).toContain(spelled)
    const codes = await browser.submit(wrong, '/totp', { code: codeOf(spelled) })
    expect(codes.body.match(/<li>[0-9a-z]{5}-[0-9a-z]{5}<\/li>/g)).toHaveLength(10)
    expect(isSignedIn(await browser.submit(codes, '/go-on'))).toBe(true)
    const second = newBrowser()
    expect((await tryPassword(second, account.userName, PASSWORD)).url).toMatch(/\/code$/)
  })

  test('does not go on with the password alone', async () => {
    const account = await createTestAccount(service, { isAdministrator: true })
    const browser = newBrowser()
    const page = await tryPassword(browser, account.userName, PASSWORD)
    const csrf = /name="csrf" value="([\w-]+)"/.exec(page.body)?.[1] ?? ''
    for (const step of ['go-on', 'code']) {
      const url = page.url.replace('set-up', step)
      const end = await browser.post(url, { csrf, code: '000000' })
      expect(isSignedIn(end)).toBe(false)
    }
    expect(browser.cookies.has('__Host-keydesk')).toBe(false)
  })
})

/** At the time of the machine: the issuer's word for when somebody signed in is held against it. */
describe('a step-up', () => {
  test('of somebody with a password only sets up a second factor first', async () => {
    await using own = await TestService.start()
    const account = await createTestAccount(own)
    const browser = newBrowser(own)
    await tryPassword(browser, account.userName, PASSWORD)
    const page = await openSignIn(browser, true)
    expect(page.body).toContain('Is it you?')
    const path = page.url.split('?')[0] ?? ''
    const setUp = await browser.submit(page, path, { password: PASSWORD })
    expect(setUp.url).toMatch(/\/set-up$/)
    const spelled = /class="secret">\s*([A-Z2-7 ]+)/.exec(setUp.body)?.[1] ?? ''
    const codes = await browser.submit(setUp, '/totp', { code: codeOf(spelled, own) })
    expect(isSignedIn(await browser.submit(codes, '/go-on'))).toBe(true)
  })

  test('asks whoever has an app for its code only', async () => {
    await using own = await TestService.start()
    const account = await createTestAccount(own)
    const { code } = await addTestTotp(own, account)
    const browser = newBrowser(own)
    const first = await tryPassword(browser, account.userName, PASSWORD)
    await browser.submit(first, '/code', { code: code() })
    const page = await openSignIn(browser, true)
    expect(page.body).toContain(account.userName)
    expect(page.body).not.toContain('name="password"')
    expect(isSignedIn(await browser.submit(page, '/code', { code: code(1) }))).toBe(true)
  })

  test('as another person does not count for the one who is signed in', async () => {
    await using own = await TestService.start()
    const account = await createTestAccount(own)
    const other = await createTestAccount(own)
    const { code } = await addTestTotp(own, other)
    const browser = newBrowser(own)
    await tryPassword(browser, account.userName, PASSWORD)
    const again = await openSignIn(browser, true)
    const path = again.url.split('?')[0] ?? ''
    const page = await browser.open(`${path}?as=other`)
    const fields = { userName: other.userName, password: PASSWORD }
    const second = await browser.submit(page, path, fields)
    const end = await browser.submit(second, '/code', { code: code() })
    expect(end.body).toContain('who is not the one signed in here')
  })
})

function codeOf(spelled: string, of: TestService = service): string {
  const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const letters = Array.from(spelled.replaceAll(/\s/g, ''))
  const bits = letters.map((letter) => base32.indexOf(letter).toString(2).padStart(5, '0')).join('')
  const bytes = bits.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? []
  return totpCode(Uint8Array.from(bytes), of.deps.clock.now())
}
