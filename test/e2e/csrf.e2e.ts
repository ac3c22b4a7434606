/**
 * What pages of other origins can do to somebody who is signed in, in a real browser against a real
 * server that has an issuer elsewhere. One attacker is on another site; the other is a neighbour on
 * the same host, whose requests carry the cookie: a port is no boundary for cookies.
 */

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContext, Page } from '@playwright/test'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { launchBrowser } from '../support/browser.ts'
import { CLIENT_ID, ForeignIssuer } from '../support/issuer-process.ts'
import {
  disposeServers,
  startServerProcess,
  temporaryDirectory,
} from '../support/server-process.ts'

const TOKENS = '/api/v1/enrollment-tokens'
const NEW_TOKEN = JSON.stringify({ name: 'forged', usesMax: 1, expiresInSeconds: 3600 })

let issuer: ForeignIssuer
let attacker: Server
let browser: Browser
let context: BrowserContext
/** Where the administrator is signed in. */
let home: Page
let origin = ''
let markup = ''

beforeAll(async () => {
  attacker = createServer((_, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end(markup),
  ).listen(0)
  origin = `http://localhost:${await freePort()}`
  issuer = await ForeignIssuer.start({ origin })
  const server = startServerProcess({
    dataDir: temporaryDirectory(),
    env: {
      KEYDESK_PORT: new URL(origin).port,
      KEYDESK_ORIGIN: origin,
      KEYDESK_HOST: 'localhost',
      KEYDESK_OIDC_ISSUER: issuer.url,
      KEYDESK_OIDC_CLIENT_ID: CLIENT_ID,
      KEYDESK_OIDC_CLIENT_SECRET_FILE: issuer.secretFile,
    },
  })
  browser = await launchBrowser()
  await server.ready()
  context = await browser.newContext()
  home = await context.newPage()
  await issuer.person({ sub: 'admin', claims: { preferred_username: 'admin@keydesk.example' } })
  const link = /https?:\/\/\S+\/welcome\/\S+/.exec(server.output())?.[0] ?? 'no link'
  await home.goto(link)
  await home.getByRole('button').click()
  await home.waitForURL(`${origin}/`)
}, 120_000)

afterAll(async () => {
  await browser.close()
  attacker.close()
  await disposeServers()
  await issuer[Symbol.asyncDispose]()
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  const { port } = server.address() as AddressInfo
  await new Promise((settle) => server.close(settle))
  return port
}

interface Answer {
  readonly session?: { readonly csrfToken: string }
  readonly items?: readonly unknown[]
}

/** A request of the portal's own page. */
async function call(method: string, path: string, more: { csrf?: string; body?: string } = {}) {
  return await home.evaluate(
    async ({ method: verb, path: url, csrf, body }) => {
      const headers = new Headers({ accept: 'application/json' })
      if (csrf !== undefined) headers.set('x-keydesk-csrf', csrf)
      if (body !== undefined) headers.set('content-type', 'application/json')
      const response = await fetch(url, {
        method: verb,
        headers,
        ...(body === undefined ? {} : { body }),
      })
      const text = await response.text()
      return { status: response.status, body: JSON.parse(text) as Answer }
    },
    { method, path, ...more },
  )
}

async function csrfToken(): Promise<string> {
  const { body } = await call('GET', '/api/v1/me')
  return body.session?.csrfToken ?? ''
}

async function tokenCount(): Promise<number> {
  const { status, body } = await call('GET', TOKENS)
  // Also shows that the administrator is still signed in.
  expect(status).toBe(200)
  return body.items?.length ?? 0
}

test('whoever comes from the issuer with the setup link is the first administrator', async () => {
  expect(home.url()).toBe(`${origin}/`)
  const { body } = await call('GET', '/api/v1/me')
  expect(body).toMatchObject({ name: 'admin@keydesk.example', roles: [{ scope: '/' }] })
  const cookies = await context.cookies()
  const session = cookies.find(({ name }) => name === 'keydesk-insecure-localhost')
  expect(session).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/' })
})

test('the portal itself changes things with its token, and not without it', async () => {
  const before = await tokenCount()
  expect((await call('POST', TOKENS, { body: NEW_TOKEN })).body).toMatchObject({
    code: 'REQUEST_FORGED',
  })
  const csrf = await csrfToken()
  expect((await call('POST', TOKENS, { body: NEW_TOKEN, csrf })).status).toBe(201)
  expect(await tokenCount()).toBe(before + 1)
})

describe.each([
  ['another site', '127.0.0.1'],
  ['a neighbour on another port', 'localhost'],
])('a page of %s', (_, host) => {
  let page: Page
  let before: number
  beforeEach(async () => {
    before = await tokenCount()
    page = await context.newPage()
    return async () => await page.close()
  })

  async function open(attack: string): Promise<void> {
    markup = `<!doctype html><title>attack</title>${attack}`
    await page.goto(`http://${host}:${(attacker.address() as AddressInfo).port}/`)
  }

  /** A form that sends itself, and what the server answers. */
  async function submit(action: string, enctype: string, field: string): Promise<number> {
    await open(
      `<form method="post" action="${origin}${action}" enctype="${enctype}">${field}</form>`,
    )
    const answer = page.waitForResponse(`${origin}${action}`)
    await page.evaluate('document.forms[0].submit()')
    return (await answer).status()
  }

  test('cannot sign anybody out by a form', async () => {
    await submit(
      '/sign-out',
      'application/x-www-form-urlencoded',
      '<input type="hidden" name="csrf" value="x">',
    )
    expect(await tokenCount()).toBe(before)
  })

  test.each(['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'])(
    'cannot make a token by a form of %s',
    async (enctype) => {
      const json = NEW_TOKEN.replace('}', ',"x":"').replaceAll('"', '&quot;')
      const status = await submit(
        TOKENS,
        enctype,
        `<input type="hidden" name="${json}" value="&quot;}">`,
      )
      expect(status).toBeGreaterThanOrEqual(400)
      expect(await tokenCount()).toBe(before)
    },
  )

  test.each([
    ['JSON with credentials', 'cors', 'application/json'],
    ['text without a preflight', 'no-cors', 'text/plain'],
  ] as const)('cannot make a token by fetch: %s', async (_name, mode, type) => {
    await open('')
    await page.evaluate(
      async ({ url, body, mode: how, type: what }) =>
        await fetch(url, {
          method: 'POST',
          mode: how,
          credentials: 'include',
          headers: { 'content-type': what },
          body,
        }).catch(() => undefined),
      { url: `${origin}${TOKENS}`, body: NEW_TOKEN, mode, type },
    )
    expect(await tokenCount()).toBe(before)
  })

  test('cannot read anything', async () => {
    await open('')
    const read = await page.evaluate(
      async (url) =>
        await fetch(url, { credentials: 'include' }).then(
          (response) => response.status,
          () => 'refused by the browser',
        ),
      `${origin}/api/v1/me`,
    )
    expect(read).toBe('refused by the browser')
  })

  test('does nothing by images', async () => {
    await open('')
    const sent: string[] = []
    page.on('request', (request) => sent.push(new URL(request.url()).pathname))
    const paths = ['/sign-out', '/api/v1/me/sessions', TOKENS]
    const images = paths.map((path) => `<img src="${origin}${path}" alt="">`)
    await page.setContent(images.join(''), { waitUntil: 'load' })
    expect(sent).toEqual(expect.arrayContaining(paths))
    expect(await tokenCount()).toBe(before)
  })

  test('cannot show Keydesk in a frame', async () => {
    await open(`<iframe src="${origin}/sign-out/done"></iframe>`)
    await page.waitForLoadState('networkidle')
    const framed = page.frames().find((frame) => frame !== page.mainFrame())
    expect((await framed?.content()) ?? '').not.toContain('signed out')
  })
})

test('signing out leads to the issuer, and the session is gone', async () => {
  const csrf = await csrfToken()
  const { body } = await call('POST', '/sign-out', { csrf })
  expect(JSON.stringify(body)).toContain(issuer.url)
  expect((await call('GET', '/api/v1/me')).status).toBe(401)
})
