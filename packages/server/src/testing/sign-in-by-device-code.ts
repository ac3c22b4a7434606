/**
 * The device authorization grant (RFC 8628) as the command line and the agent go through it, with a
 * browser that really signs in and confirms.
 */

import type { TestAccount } from './test-account.ts'
import { PASSWORD } from './test-account.ts'
import { TestBrowser, type TestPage } from './test-browser.ts'
import type { TestService } from './test-service.ts'

interface DeviceCode {
  readonly device_code: string
  readonly user_code: string
  readonly verification_uri: string
}

export interface DeviceTokens {
  readonly access_token: string
  readonly refresh_token?: string
  readonly scope: string
}

/** Returns the tokens of the client after the person approved. */
export async function signInByDeviceCode(
  service: TestService,
  account: TestAccount,
  client: { readonly clientId: string; readonly scope: string },
): Promise<DeviceTokens> {
  const { clientId, scope } = client
  const fields = { client_id: clientId, scope, resource: service.deps.config.origin }
  const code = await postForm<DeviceCode>(service, '/oidc/device/auth', fields)
  const page = await approve(new TestBrowser(service), code, account)
  if (page.status !== 200) throw new Error(`not approved: ${page.status} ${page.url} ${page.body}`)
  return await postForm<DeviceTokens>(service, '/oidc/token', {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    client_id: clientId,
    device_code: code.device_code,
  })
}

async function approve(
  browser: TestBrowser,
  code: DeviceCode,
  account: TestAccount,
): Promise<TestPage> {
  let page = await browser.open(new URL(code.verification_uri).pathname)
  page = await browser.submit(page, /device/, { user_code: code.user_code })
  page = await browser.submit(page, /device/, { confirm: 'yes' })
  if (!page.url.startsWith('/sign-in/with/')) return page
  const fields = { userName: account.userName, password: PASSWORD }
  return await browser.submit(page, page.url.split('?')[0] ?? '', fields)
}

async function postForm<T>(
  service: TestService,
  url: string,
  fields: Readonly<Record<string, string>>,
): Promise<T> {
  const answer = await service.app.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams(fields).toString(),
  })
  if (answer.statusCode !== 200) throw new Error(`${url}: ${answer.statusCode} ${answer.body}`)
  return answer.json<T>()
}
