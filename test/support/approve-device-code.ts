/** The person in the browser: types the code that a program shows, signs in and connects it. */
import { Secret, TOTP } from 'otpauth'
import type { FirstAdministrator } from '../../scripts/sign-in/first-administrator.ts'
import { FormBrowser, type Page } from '../../scripts/sign-in/form-browser.ts'

type Person = Pick<FirstAdministrator, 'userPrincipalName' | 'password' | 'totpSecret'>

const DEVICE_PATH = '/oidc/device'
/** A code is accepted once, and from one step before and after. */
const STEP_MS = 30_000

export class DeviceCodeApprover {
  readonly #origin: string
  readonly #person: Person
  readonly #usedCodes = new Set<string>()

  constructor(origin: string, person: Person) {
    this.#origin = origin
    this.#person = person
  }

  /** In a browser that is not signed in. Throws unless the program is connected at the end. */
  async approve(userCode: string): Promise<void> {
    const browser = new FormBrowser(this.#origin)
    const asked = await browser.submit(await browser.open(DEVICE_PATH), DEVICE_PATH, {
      user_code: userCode,
    })
    const signIn = await browser.submit(asked, DEVICE_PATH, { confirm: 'yes' })
    const { userPrincipalName: userName, password } = this.#person
    const second = await browser.submit(signIn, signIn.url.pathname, { userName, password })
    const end = await this.#enterCode(browser, second)
    if (!end.body.includes('Connected'))
      throw new Error(`${end.status} ${end.url.pathname}: ${end.body}`)
  }

  async deny(userCode: string): Promise<void> {
    const browser = new FormBrowser(this.#origin)
    const asked = await browser.submit(await browser.open(DEVICE_PATH), DEVICE_PATH, {
      user_code: userCode,
    })
    await browser.submit(asked, DEVICE_PATH, { abort: 'yes' })
  }

  async #enterCode(browser: FormBrowser, page: Page): Promise<Page> {
    const totp = new TOTP({ secret: Secret.fromBase32(this.#person.totpSecret) })
    for (const steps of [1, 0, -1]) {
      const code = totp.generate({ timestamp: Date.now() + steps * STEP_MS })
      if (this.#usedCodes.has(code)) continue
      this.#usedCodes.add(code)
      const next = await browser.submit(page, page.url.pathname, { code })
      if (next.body.includes('Connected')) return next
    }
    return page
  }
}
