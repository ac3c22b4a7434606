/** People with local accounts for tests of the sign-in. */

import { randomUUID } from 'node:crypto'
import { TOTP, Secret } from 'otpauth'
import { insertGlobalAdministrator, upsertPassword } from '../accounts/account-queries.ts'
import { addTotp } from '../accounts/add-totp.ts'
import { createPasswordHasher } from '../accounts/password-hash.ts'
import { createTotpSecret } from '../accounts/totp.ts'
import type { TestBrowser, TestPage } from './test-browser.ts'
import { insertTestUser } from './test-people.ts'
import type { TestService } from './test-service.ts'

export const PASSWORD = 'copper kettle sings at dawn'

export interface TestAccount {
  readonly id: string
  readonly userName: string
}

/** With the password above; more is added by the functions below. */
export async function createTestAccount(
  service: TestService,
  more: { isActive?: boolean; hasPassword?: boolean; isAdministrator?: boolean } = {},
): Promise<TestAccount> {
  const { deps } = service
  const userName = `${randomUUID().slice(0, 8)}@keydesk.example`
  const id = await insertTestUser(deps.db, {
    user_principal_name: userName,
    is_active: more.isActive ?? true,
  })
  const now = deps.clock.now()
  if (more.hasPassword !== false) {
    const hash = await createPasswordHasher(deps).hash(id, PASSWORD)
    await deps.db.transaction().execute((trx) => upsertPassword(trx, { userId: id, hash, now }))
  }
  if (more.isAdministrator === true) {
    const assignment = { id: randomUUID(), userId: id, now }
    await deps.db.transaction().execute((trx) => insertGlobalAdministrator(trx, assignment))
  }
  return { id, userName }
}

export interface TestAuthenticator {
  /** The code at the service's clock, `steps` away from it. */
  readonly code: (steps?: number) => string
  readonly backupCodes: readonly string[]
}

/** Sets up an authenticator app; the code of the step before now is used up. */
export async function addTestTotp(
  service: TestService,
  account: TestAccount,
): Promise<TestAuthenticator> {
  const { deps } = service
  const secret = createTotpSecret()
  const code = (steps = 0): string => totpCode(secret, deps.clock.now(), steps)
  const owner = { id: account.id, user_principal_name: account.userName }
  const backupCodes = await addTotp(deps, owner, { secret, code: code(-1), isFirst: false }, 'test')
  return { code, backupCodes }
}

export function totpCode(secret: Uint8Array, at: Date, steps = 0): string {
  const totp = new TOTP({ secret: new Secret({ buffer: Uint8Array.from(secret).buffer }) })
  return totp.generate({ timestamp: at.getTime() + steps * 30_000 })
}

/** The page that asks for the password. */
export async function openSignIn(browser: TestBrowser, stepUp = false): Promise<TestPage> {
  const page = await browser.open(`/sign-in?returnTo=/readyz${stepUp ? '&stepUp=1' : ''}`)
  if (!page.url.startsWith('/sign-in/with/')) throw new Error(`not the sign-in: ${page.url}`)
  return page
}

/** Types name and password, and is where that leads. */
export async function tryPassword(
  browser: TestBrowser,
  userName: string,
  password: string,
): Promise<TestPage> {
  const page = await openSignIn(browser)
  return await browser.submit(page, page.url.split('?')[0] ?? '', { userName, password })
}
