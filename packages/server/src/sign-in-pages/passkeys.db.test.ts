/**
 * Passkeys with the real forms and an authenticator in software: added to one's account, used,
 * renamed, removed; and what an attacker does with one, or with its row in the database.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  addTestTotp,
  createTestAccount,
  openSignIn,
  PASSWORD,
  tryPassword,
  type TestAccount,
} from '../testing/test-account.ts'
import { TestBrowser, type TestPage } from '../testing/test-browser.ts'
import { TestPasskey } from '../testing/test-passkey.ts'
import { TestService } from '../testing/test-service.ts'

let service: TestService
beforeAll(async () => {
  service = await TestService.start()
})
afterAll(async () => service[Symbol.asyncDispose]())

const isSignedIn = (page: TestPage): boolean => page.url === '/readyz'

let lastAddress = 0
function newBrowser(): TestBrowser {
  lastAddress += 1
  return new TestBrowser(service, `192.0.2.${lastAddress}`)
}

function csrfOf({ body }: TestPage): string {
  return /name="csrf" value="([\w-]+)"/.exec(body)?.[1] ?? ''
}

interface Owner {
  readonly account: TestAccount
  /** Signed in with a password and a code. */
  readonly browser: TestBrowser
}

async function newOwner(): Promise<Owner> {
  const account = await createTestAccount(service)
  const { code } = await addTestTotp(service, account)
  const browser = newBrowser()
  const page = await tryPassword(browser, account.userName, PASSWORD)
  expect(isSignedIn(await browser.submit(page, '/code', { code: code() }))).toBe(true)
  return { account, browser }
}

/** Returns where that leads, too. */
async function addPasskey({ browser }: Owner) {
  const passkey = new TestPasskey(service.deps.config.origin)
  const csrf = csrfOf(await browser.open('/account'))
  const options = await browser.post('/account/passkeys/options', { csrf })
  expect(options.status).toBe(200)
  const credential = passkey.create(options.body)
  const page = await browser.post('/account/passkeys', { csrf, credential })
  return { passkey, credential, page, csrf }
}

async function signInWith(passkey: TestPasskey, browser = newBrowser()): Promise<TestPage> {
  const page = await openSignIn(browser)
  const [path = ''] = page.url.split('?')
  const csrf = csrfOf(page)
  const options = await browser.post(`${path}/passkey/options`, { csrf })
  return await browser.post(`${path}/passkey`, { csrf, credential: passkey.get(options.body) })
}

/** With the one answer that says no more, and without a session. */
async function isRefused(passkey: TestPasskey): Promise<boolean> {
  const browser = newBrowser()
  const page = await signInWith(passkey, browser)
  const says = page.status === 400 && page.body.includes('This passkey was not accepted.')
  return says && !browser.cookies.has('__Host-keydesk')
}

async function actionsOf({ account }: Owner): Promise<string[]> {
  const entries = await service.auditEntries()
  const own = entries.filter(({ actor }) => 'id' in actor && actor.id === account.id)
  return own.map(({ action }) => action).filter((action) => action.endsWith('Passkey'))
}

describe("one of one's account", () => {
  test('is added, renamed, used and removed, and each is on record', async () => {
    const owner = await newOwner()
    const { browser } = owner
    const { passkey, page } = await addPasskey(owner)
    expect(page.url).toBe('/account')
    expect(page.body).toMatch(/value="Passkey of \d{4}-\d\d-\d\d"/)
    const renamed = await browser.submit(page, /\/rename$/, { name: 'Key on the <desk>' })
    expect(renamed.body).toContain('Key on the &#60;desk&#62;')
    const elsewhere = newBrowser()
    expect(isSignedIn(await signInWith(passkey, elsewhere))).toBe(true)
    const signIn = (await service.auditEntries()).findLast(
      ({ action }) => action === 'account.signIn',
    )
    expect(signIn).toMatchObject({
      actor: { id: owner.account.id },
      detail: { acr: 'urn:keydesk:acr:mfa', amr: 'hwk user mfa' },
    })
    const removed = await browser.submit(renamed, /passkeys\/[\w-]+\/remove$/)
    expect(removed.url).toBe('/account')
    expect(removed.body).not.toMatch(/\/account\/passkeys\/[\w-]+\/remove/)
    expect((await elsewhere.open('/api/v1/me')).status).toBe(401)
    expect(await isRefused(passkey)).toBe(true)
    expect(await actionsOf(owner)).toEqual([
      'account.addPasskey',
      'account.renamePasskey',
      'account.removePasskey',
    ])
  })

  test('is not there for another user', async () => {
    const owner = await newOwner()
    const { page, passkey } = await addPasskey(owner)
    const other = await newOwner()
    const csrf = csrfOf(await other.browser.open('/account'))
    const path = /\/account\/passkeys\/[\w-]{36}/.exec(page.body)?.[0] ?? ''
    for (const step of ['rename', 'remove']) {
      const refused = await other.browser.post(`${path}/${step}`, { csrf, name: 'Mine' })
      expect(refused.status).toBe(404)
    }
    expect(isSignedIn(await signInWith(passkey))).toBe(true)
    expect(await actionsOf(other)).toEqual([])
  })

  test('is added once with an answer, and only with one of this session', async () => {
    const owner = await newOwner()
    const { credential, csrf } = await addPasskey(owner)
    const again = await owner.browser.post('/account/passkeys', { csrf, credential })
    expect(again.status).toBe(400)
    const other = await newOwner()
    const otherCsrf = csrfOf(await other.browser.open('/account'))
    const options = await owner.browser.post('/account/passkeys/options', { csrf })
    const planted = new TestPasskey(service.deps.config.origin).create(options.body)
    const foreign = { csrf: otherCsrf, credential: planted }
    expect((await other.browser.post('/account/passkeys', foreign)).status).toBe(400)
    expect(await actionsOf(other)).toEqual([])
  })

  test('takes a recent second factor to add or remove', async () => {
    const account = await createTestAccount(service)
    const browser = newBrowser()
    await tryPassword(browser, account.userName, PASSWORD)
    const csrf = csrfOf(await browser.open('/account'))
    const page = await browser.post('/account/passkeys/options', { csrf })
    expect(page.url).toMatch(/^\/sign-in\/with\//)
  })
})

describe('to sign in', () => {
  test('the row that somebody gave to another user in the database is refused', async () => {
    const attacker = await newOwner()
    const victim = await newOwner()
    const { passkey } = await addPasskey(attacker)
    await service.deps.db
      .updateTable('passkey')
      .set({ user_id: victim.account.id })
      .where('user_id', '=', attacker.account.id)
      .execute()
    const handles = [
      passkey.userHandle,
      undefined,
      Buffer.from(victim.account.id).toString('base64url'),
    ]
    for (const userHandle of handles) {
      passkey.userHandle = userHandle
      expect(await isRefused(passkey)).toBe(true)
    }
  })

  test('another key in the row of the database is refused', async () => {
    const victim = await newOwner()
    const attacker = await newOwner()
    const { passkey } = await addPasskey(victim)
    await addPasskey(attacker)
    const { db } = service.deps
    const { public_key } = await db
      .selectFrom('passkey')
      .select('public_key')
      .where('user_id', '=', attacker.account.id)
      .executeTakeFirstOrThrow()
    const ofVictim = db.updateTable('passkey').where('user_id', '=', victim.account.id)
    await ofVictim.set({ public_key }).execute()
    expect(await isRefused(passkey)).toBe(true)
  })

  test('a counter that goes back or stays, as that of a copy does, is refused', async () => {
    const owner = await newOwner()
    const { passkey } = await addPasskey(owner)
    passkey.counter = 5
    expect(isSignedIn(await signInWith(passkey))).toBe(true)
    for (const counter of [5, 4, 0]) {
      passkey.counter = counter
      expect(await isRefused(passkey)).toBe(true)
    }
    passkey.counter = 6
    expect(isSignedIn(await signInWith(passkey))).toBe(true)
  })

  test('one answer works once, and in its own sign-in only', async () => {
    const { passkey } = await addPasskey(await newOwner())
    const [first, second] = [newBrowser(), newBrowser()]
    const pages = [await openSignIn(first), await openSignIn(second)] as const
    const [path = '', otherPath = ''] = pages.map(({ url }) => url.split('?')[0])
    const options = await first.post(`${path}/passkey/options`, { csrf: csrfOf(pages[0]) })
    const credential = passkey.get(options.body)
    const elsewhere = { csrf: csrfOf(pages[1]), credential }
    expect((await second.post(`${otherPath}/passkey`, elsewhere)).status).toBe(400)
    const own = { csrf: csrfOf(pages[0]), credential }
    expect(isSignedIn(await first.post(`${path}/passkey`, own))).toBe(true)
  })
})
