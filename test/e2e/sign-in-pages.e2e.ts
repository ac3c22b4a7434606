/**
 * The sign-in in a real browser: passkeys, which need one, and the pages without any script, with
 * the policies that only a browser enforces.
 */

import { spawnSync } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Browser, BrowserContext, Page } from '@playwright/test'
import { launchBrowser } from '../support/browser.ts'
import {
  disposeServers,
  startServerProcess,
  temporaryDirectory,
} from '../support/server-process.ts'

const PASSWORD = 'copper kettle sings at dawn'
const USER = 'ada@keydesk.example'

let browser: Browser | undefined
let origin = ''
let dataDir = ''
/** Of the first administrator: it has the passkey. */
let context: BrowserContext
let page: Page

beforeAll(async () => {
  dataDir = temporaryDirectory()
  const port = await freePort()
  origin = `http://localhost:${port}`
  const env = { KEYDESK_PORT: String(port), KEYDESK_ORIGIN: origin, KEYDESK_HOST: 'localhost' }
  const server = startServerProcess({ dataDir, env })
  browser = await launchBrowser()
  await server.ready()
  context = await browser.newContext()
  page = await context.newPage()
  await addAuthenticator(page)
}, 120_000)

afterAll(async () => {
  await browser?.close()
  await disposeServers()
})

test('the setup link makes the first administrator, who has to add a passkey', async () => {
  await page.goto(setupLink())
  await page.getByLabel('User name').fill(USER)
  await page.getByLabel('Name', { exact: true }).fill('Ada Lovelace')
  await page.getByLabel('New password').fill('password1234')
  await page.getByRole('button', { name: 'Create the account' }).click()
  await page.getByText('attackers try first').waitFor()
  expect(await page.locator(':focus').getAttribute('name')).toBe('newPassword')
  await page.getByLabel('New password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Create the account' }).click()
  await page.getByRole('link', { name: 'Sign in' }).click()
  await signInByPassword(page)
  await page.getByRole('button', { name: 'Create a passkey' }).click()
  await page.waitForURL(`${origin}/`)
  expect(await sessionCookie(context)).toBeDefined()
})

test('a passkey alone signs in, and is more than a password', async () => {
  await context.clearCookies()
  await page.goto(`${origin}/sign-in?returnTo=/devices`)
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await page.waitForURL(`${origin}/devices`)
  expect(await page.evaluate(`fetch('/api/v1/me').then((answer) => answer.text())`)).toContain(USER)
})

test('it is the second step after the password, and of a step-up', async () => {
  await context.clearCookies()
  await page.goto(`${origin}/sign-in?returnTo=/devices`)
  await signInByPassword(page)
  await page.getByRole('button', { name: 'Use a passkey' }).click()
  await page.waitForURL(`${origin}/devices`)
  await page.goto(`${origin}/sign-in?returnTo=/devices&stepUp=1`)
  await page.getByRole('heading', { name: 'Is it you?' }).waitFor()
  const before = await sessionCookie(context)
  await page.getByRole('button', { name: 'Use a passkey' }).click()
  await page.waitForURL(`${origin}/devices`)
  expect(await sessionCookie(context)).not.toEqual(before)
})

test('an answer that was sent before is not accepted again', async () => {
  await context.clearCookies()
  await page.goto(`${origin}/sign-in?returnTo=/devices`)
  let captured = ''
  await page.route('**/passkey', async (route) => {
    captured = route.request().postData() ?? ''
    await route.abort()
  })
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await expect.poll(() => captured).toContain('credential=')
  await page.unroute('**/passkey')
  const credential = new URLSearchParams(captured).get('credential') ?? ''
  await page.goto(`${origin}/sign-in?returnTo=/devices`)
  const first = await submitCredential(page, credential)
  expect(first).toBe('This does not work')
  expect(await sessionCookie(context)).toBeUndefined()
})

test('another device without the passkey is told so and can go on', async () => {
  const other = await browser!.newContext()
  const otherPage = await other.newPage()
  await addAuthenticator(otherPage)
  await otherPage.goto(`${origin}/sign-in`)
  await otherPage.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await otherPage.getByText('The passkey was not used').waitFor({ timeout: 60_000 })
  expect(await otherPage.getByLabel('Password').isEnabled()).toBe(true)
  await other.close()
})

test('without scripts there is no passkey button, and everything else works', async () => {
  const plain = await browser!.newContext({ javaScriptEnabled: false })
  const plainPage = await plain.newPage()
  await plainPage.goto(`${origin}/sign-in`)
  expect(await plainPage.getByRole('button', { name: 'Sign in with a passkey' }).isVisible()).toBe(
    false,
  )
  await plainPage.getByLabel('User name').fill(USER)
  await plainPage.getByLabel('Password').fill('wrong wrong wrong')
  await plainPage.getByRole('button', { name: 'Sign in', exact: true }).click()
  await plainPage.getByText('The user name or the password is not right.').waitFor()
  await plainPage.getByRole('button', { name: 'Cancel' }).click()
  await plainPage.waitForURL(/\/sign-in\/callback/)
  await plain.close()
})

function setupLink(): string {
  const { stdout } = spawnSync(
    process.execPath,
    ['packages/server/src/main.ts', 'administrator-link'],
    {
      env: { PATH: process.env['PATH'], KEYDESK_DATA_DIR: dataDir, KEYDESK_ORIGIN: origin },
      encoding: 'utf8',
    },
  )
  const link = /https?:\S+\/welcome\/\S+/.exec(stdout)?.[0]
  if (link === undefined) throw new Error('no setup link')
  return link
}

async function signInByPassword(on: Page): Promise<void> {
  await on.getByLabel('User name').fill(USER)
  await on.getByLabel('Password').fill(PASSWORD)
  await on.getByRole('button', { name: 'Sign in', exact: true }).click()
}

/** Puts an answer into the form as the script would. The title of the page that follows. */
async function submitCredential(on: Page, credential: string): Promise<string | null> {
  await on.evaluate(`{
    const form = document.querySelector('form[data-passkey]')
    form.elements.namedItem('credential').value = ${JSON.stringify(credential)}
    form.submit()
  }`)
  await on.waitForURL(/\/passkey$/)
  return await on.textContent('h1')
}

async function sessionCookie(of: BrowserContext) {
  const cookies = await of.cookies()
  return cookies.find(({ name }) => name === 'keydesk-insecure-localhost')
}

/** A platform authenticator with a PIN or a fingerprint, as Chrome's developer tools offer it. */
async function addAuthenticator(on: Page): Promise<void> {
  const devtools = await on.context().newCDPSession(on)
  await devtools.send('WebAuthn.enable')
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => {
    server.close(resolve)
  })
  return port
}
