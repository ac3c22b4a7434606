/**
 * Delays that grow with wrong guesses, seen from both sides: an attacker who guesses, alone, from
 * many addresses, all at once; and the owner whom he tries to lock out.
 */

import { expect, test } from 'vitest'
import { addTestTotp, createTestAccount, PASSWORD, tryPassword } from '../testing/test-account.ts'
import { TestBrowser, type TestPage } from '../testing/test-browser.ts'
import { TestService } from '../testing/test-service.ts'
import { networkOf, siteOf } from './network-of.ts'
import { throttlePassword } from './throttle-guesses.ts'

const isSignedIn = (page: TestPage): boolean => page.url === '/readyz'

async function outcomes(guesses: readonly Promise<unknown>[]) {
  const settled = await Promise.allSettled(guesses)
  const count = (status: string): number => settled.filter((one) => one.status === status).length
  return { looked: count('fulfilled'), refused: count('rejected') }
}

test('after five wrong guesses each further one waits longer', async () => {
  await using service = await TestService.start()
  const { deps } = service
  const guess = { account: 'a@keydesk.example', address: '192.0.2.1', knownBrowserId: undefined }
  for (let count = 0; count < 5; count += 1) await throttlePassword(deps, guess)
  const waits: (number | undefined)[] = []
  for (let count = 0; count < 10; count += 1) {
    const refusal = await throttlePassword(deps, guess).catch((error: unknown) => error)
    const { retryAfterSeconds } = refusal as { retryAfterSeconds: number }
    expect(refusal).toMatchObject({ code: 'TOO_MANY_REQUESTS' })
    waits.push(retryAfterSeconds)
    deps.clock.advance(retryAfterSeconds)
    await throttlePassword(deps, guess)
  }
  expect(waits).toEqual([30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600])
  deps.clock.advance(25 * 3600)
  for (let count = 0; count < 5; count += 1) await throttlePassword(deps, guess)
})

test('guesses in the same moment count like one after the other', async () => {
  await using service = await TestService.start()
  const guess = { account: 'b@keydesk.example', address: '192.0.2.1', knownBrowserId: undefined }
  const guesses = Array.from({ length: 30 }, () => throttlePassword(service.deps, guess))
  expect(await outcomes(guesses)).toEqual({ looked: 5, refused: 25 })
})

test('many networks are slowed down together, and wait a minute at most', async () => {
  await using service = await TestService.start()
  const { deps } = service
  const from = (host: number) => ({
    account: 'c@keydesk.example',
    address: `203.0.${host >> 8}.${host & 255}`,
    knownBrowserId: undefined,
  })
  const guesses = () => Array.from({ length: 60 }, (_, host) => throttlePassword(deps, from(host)))
  for (let first = 0; first < 3; first += 1) {
    expect(await outcomes(guesses())).toEqual({ looked: 60, refused: 0 })
  }
  expect(await outcomes(guesses())).toEqual({ looked: 0, refused: 60 })
  for (let host = 0; host < 30; host += 1) {
    deps.clock.advance(60)
    expect(await outcomes(guesses())).toEqual({ looked: 1, refused: 59 })
  }
})

test('all networks of one customer count together, and do not use up what others have', async () => {
  await using service = await TestService.start()
  const { deps } = service
  const guess = (address: string) =>
    throttlePassword(deps, { account: 'e@keydesk.example', address, knownBrowserId: undefined })
  const guesses = Array.from({ length: 60 }, (_, net) => guess(`2001:db8:1:${net.toString(16)}::1`))
  expect(await outcomes(guesses)).toEqual({ looked: 10, refused: 50 })
  const others = Array.from({ length: 5 }, () => guess('192.0.2.1'))
  expect(await outcomes(others)).toEqual({ looked: 5, refused: 0 })
})

test('one network cannot go through many accounts', async () => {
  await using service = await TestService.start()
  const guesses = Array.from({ length: 130 }, (_, index) =>
    throttlePassword(service.deps, {
      account: `user-${index}@keydesk.example`,
      address: '2001:db8:1:2::1',
      knownBrowserId: undefined,
    }),
  )
  expect(await outcomes(guesses)).toEqual({ looked: 100, refused: 30 })
  const neighbour = { account: 'd@keydesk.example', address: '2001:db8:1:2:ffff::9' }
  await expect(
    throttlePassword(service.deps, { ...neighbour, knownBrowserId: undefined }),
  ).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' })
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:DB8::1', '2001:db8:0:0::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
])('the network of %s is %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})

test.each([
  ['192.0.2.1', undefined],
  ['::ffff:192.0.2.1', undefined],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
  ['2001:db8::1', '2001:db8:0::/48'],
  ['::1', '0:0:0::/48'],
])('the /48 around %s is %s', (address, site) => {
  expect(siteOf(address)).toBe(site)
})

test('who keeps the count of an account full does not keep its owner out', async () => {
  await using service = await TestService.start()
  const account = await createTestAccount(service)
  const { userName } = account
  for (let host = 0; host < 30; host += 1) {
    const address = `203.0.113.${host}`
    await throttlePassword(service.deps, { account: userName, address, knownBrowserId: undefined })
  }
  const phone = new TestBrowser(service, '192.0.2.200')
  expect((await tryPassword(phone, userName, 'a mistake in typing')).status).toBe(422)
  expect(isSignedIn(await tryPassword(phone, userName, PASSWORD))).toBe(true)
})

test('who learned the password does not keep the owner from his second factor', async () => {
  await using service = await TestService.start()
  const account = await createTestAccount(service)
  const { code } = await addTestTotp(service, account)
  const known = new TestBrowser(service, '192.0.2.1')
  const first = await tryPassword(known, account.userName, PASSWORD)
  expect(isSignedIn(await known.submit(first, '/code', { code: code() }))).toBe(true)
  const thief = new TestBrowser(service, '192.0.2.1')
  let page = await tryPassword(thief, account.userName, PASSWORD)
  for (let guess = 0; guess < 5; guess += 1) {
    page = await thief.submit(page, '/code', { code: '000000' })
  }
  expect((await thief.submit(page, '/code', { code: '000000' })).status).toBe(429)
  forgetSessions(known)
  let own = await tryPassword(known, account.userName, PASSWORD)
  own = await known.submit(own, '/code', { code: '000000' })
  expect(own.status).toBe(422)
  expect(isSignedIn(await known.submit(own, '/code', { code: code(1) }))).toBe(true)
})

test('codes are guessed slowly in a known browser too', async () => {
  await using service = await TestService.start()
  const account = await createTestAccount(service)
  const { code } = await addTestTotp(service, account)
  const known = new TestBrowser(service, '192.0.2.1')
  const first = await tryPassword(known, account.userName, PASSWORD)
  await known.submit(first, '/code', { code: code() })
  forgetSessions(known)
  let page = await tryPassword(known, account.userName, PASSWORD)
  for (let guess = 0; guess < 5; guess += 1) {
    page = await known.submit(page, '/code', { code: '000000' })
    expect(page.status).toBe(422)
  }
  expect((await known.submit(page, '/code', { code: code(1) })).status).toBe(429)
})

test('an attacker does not delay the owner in a browser that has signed in before', async () => {
  await using service = await TestService.start()
  const account = await createTestAccount(service)
  const known = new TestBrowser(service, '192.0.2.1')
  expect(isSignedIn(await tryPassword(known, account.userName, PASSWORD))).toBe(true)
  // From the owner's own network too.
  for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4']) {
    for (let guess = 0; guess < 7; guess += 1) {
      await tryPassword(new TestBrowser(service, address), account.userName, 'wrong wrong wrong')
    }
  }
  const elsewhere = new TestBrowser(service, '192.0.2.1')
  expect((await tryPassword(elsewhere, account.userName, PASSWORD)).status).toBe(429)
  forgetSessions(known)
  expect(isSignedIn(await tryPassword(known, account.userName, PASSWORD))).toBe(true)
})

test('a known browser is slowed down by its own wrong guesses, and only for its account', async () => {
  await using service = await TestService.start()
  const account = await createTestAccount(service)
  const other = await createTestAccount(service)
  const browser = new TestBrowser(service, '192.0.2.1')
  await tryPassword(browser, account.userName, PASSWORD)
  forgetSessions(browser)
  for (let guess = 0; guess < 5; guess += 1) {
    expect((await tryPassword(browser, account.userName, 'wrong wrong wrong')).status).toBe(422)
  }
  expect((await tryPassword(browser, account.userName, PASSWORD)).status).toBe(429)
  expect(isSignedIn(await tryPassword(browser, other.userName, PASSWORD))).toBe(true)
})

test('the mark of a known browser is of no use for another account', async () => {
  await using service = await TestService.start()
  const attacker = await createTestAccount(service)
  const victim = await createTestAccount(service)
  const browser = new TestBrowser(service, '192.0.2.1')
  await tryPassword(browser, attacker.userName, PASSWORD)
  forgetSessions(browser)
  for (let guess = 0; guess < 5; guess += 1) {
    await tryPassword(browser, victim.userName, 'wrong wrong wrong')
  }
  expect((await tryPassword(browser, victim.userName, PASSWORD)).status).toBe(429)
})

test('a delay is told the same for names that do not exist, and nothing is hashed then', async () => {
  await using service = await TestService.start()
  const browser = new TestBrowser(service, '192.0.2.1')
  for (let guess = 0; guess < 5; guess += 1) {
    await tryPassword(browser, 'nobody@keydesk.example', PASSWORD)
  }
  const hashes = async () => (await service.deps.metrics.passwordHashes.get()).values[0]?.value
  const before = await hashes()
  const page = await tryPassword(browser, 'nobody@keydesk.example', PASSWORD)
  expect(page.status).toBe(429)
  expect(page.headers['retry-after']).toBe('30')
  expect(page.body).toContain('Try again in 30 seconds.')
  expect(await hashes()).toBe(before)
})

/** All but the mark of a known browser. */
function forgetSessions(browser: TestBrowser): void {
  for (const name of browser.cookies.keys()) {
    if (!name.endsWith('-browser')) browser.cookies.delete(name)
  }
}
