/**
 * Takes a new service over as an administrator does, without a browser: opens the one-time link,
 * sets a password and a second factor, signs in, and registers a program with every right, whose
 * access token the demo, the benchmarks and the tests then use.
 */

import { randomBytes } from 'node:crypto'
import type { CreatedAppSecret, Me } from '@keydesk/contract'
import { GLOBAL_ADMINISTRATOR } from '@keydesk/contract'
import { Secret, TOTP } from 'otpauth'
import { FormBrowser, type Page } from './form-browser.ts'

export interface FirstAdministrator {
  readonly userPrincipalName: string
  readonly password: string
  /** Base32, for an authenticator app. */
  readonly totpSecret: string
  /** OAuth client credentials of a program with every right. */
  readonly clientId: string
  readonly clientSecret: string
}

export interface NewService {
  readonly origin: string
  /** Where it listens, if that is not its origin. */
  readonly address?: string
  /** What the first start printed. */
  readonly setupLink: string
}

const USER_PRINCIPAL_NAME = 'admin@keydesk.example'
const SECRET_LIFETIME_SECONDS = 86_400

export async function becomeFirstAdministrator(service: NewService): Promise<FirstAdministrator> {
  const { origin, address = origin, setupLink } = service
  const browser = new FormBrowser(origin, address)
  const password = randomBytes(18).toString('base64url')
  const { pathname } = new URL(setupLink)
  const names = { userPrincipalName: USER_PRINCIPAL_NAME, displayName: 'First Administrator' }
  const welcome = await browser.open(pathname)
  expectPage(
    await browser.submit(welcome, pathname, { ...names, newPassword: password }),
    'the link',
  )

  const signIn = await browser.open('/sign-in?returnTo=/')
  const setUp = await browser.submit(signIn, new URL(signIn.url).pathname, {
    userName: USER_PRINCIPAL_NAME,
    password,
  })
  const totpSecret = /class="secret">([A-Z2-7 ]+)</.exec(setUp.body)?.[1]?.replaceAll(' ', '') ?? ''
  const code = new TOTP({ secret: Secret.fromBase32(totpSecret) }).generate()
  const codes = await browser.submit(setUp, '/set-up/totp', { code })
  expectPage(await browser.submit(codes, '/go-on'), 'the sign-in')

  const { session } = JSON.parse((await browser.open('/api/v1/me')).body) as Me
  const call = async <T>(path: string, body: object): Promise<T> => {
    const response = await fetch(`${address}/api/v1${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        cookie: browser.cookieHeader('/'),
        origin,
        'x-keydesk-csrf': session?.csrfToken ?? '',
      },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`POST ${path}: ${await response.text()}`)
    return (await response.json()) as T
  }
  const { id } = await call<{ id: string }>('/apps', { displayName: 'Sample program' })
  await call('/role-assignments', { principalId: id, roleId: GLOBAL_ADMINISTRATOR, scope: '/' })
  const { secret } = await call<CreatedAppSecret>(`/apps/${id}/secrets`, {
    name: 'first',
    expiresInSeconds: SECRET_LIFETIME_SECONDS,
  })
  return {
    userPrincipalName: USER_PRINCIPAL_NAME,
    password,
    totpSecret,
    clientId: id,
    clientSecret: secret,
  }
}

function expectPage(page: Page, what: string): void {
  if (page.status !== 200) throw new Error(`${what} failed with ${page.status}: ${page.body}`)
}

/** An access token of that program, good for an hour. */
export async function accessTokenOf(
  { clientId, clientSecret }: Pick<FirstAdministrator, 'clientId' | 'clientSecret'>,
  address: string,
): Promise<string> {
  const response = await fetch(`${address}/oidc/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
    }),
  })
  if (!response.ok) throw new Error(`no access token: ${await response.text()}`)
  return ((await response.json()) as { access_token: string }).access_token
}
