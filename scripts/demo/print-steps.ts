/** What a person who watches the demo reads: numbered steps, what held in each, and the time. */
import { styleText } from 'node:util'
import type { FirstAdministrator } from '../sign-in/first-administrator.ts'

type Style = Parameters<typeof styleText>[0]

const paint = (style: Style, text: string): string =>
  styleText(style, text, { stream: process.stdout })

export class DemoPrinter {
  readonly #started = performance.now()
  #steps = 0
  #claims = 0

  /** Begins a step. */
  step(title: string): void {
    this.#steps += 1
    console.log(`\n${paint('bold', `${String(this.#steps).padStart(2)}  ${title}`)}`)
  }

  /** States something that was just tested; throws when it does not hold. */
  holds(claim: string, isTrue: boolean, otherwise = ''): void {
    if (!isTrue) throw new Error(`${claim}: this did not hold. ${otherwise}`)
    this.#claims += 1
    console.log(`    ${paint('green', '✓')} ${claim}`)
  }

  /** Something worth seeing that is no claim. */
  note(text: string): void {
    for (const line of text.split('\n')) console.log(paint('dim', `      ${line}`))
  }

  summary(): void {
    const seconds = ((performance.now() - this.#started) / 1000).toFixed(1)
    const text = `${this.#steps} steps, ${this.#claims} claims, all of them held, in ${seconds} s`
    console.log(`\n${paint(['bold', 'green'], text)}`)
  }

  failed(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error)
    console.error(`\n${paint(['bold', 'red'], 'The demo stopped:')} ${text}`)
  }

  howToGetIn(access: {
    readonly origin: string
    readonly administrator: FirstAdministrator
    readonly folder: string
    /** A curl configuration with a token: an argument would show it to every local user. */
    readonly secretFile: string
  }): void {
    const { origin, administrator, folder, secretFile } = access
    console.log(`
The service keeps running with the sample data until you press Ctrl-C, which also removes it.

  portal          ${origin}
  administrator   ${administrator.userPrincipalName}
  password        ${administrator.password}
  second step     ${administrator.totpSecret} (add it to an authenticator app)
  files           ${folder}

  access token    in ${secretFile}, good for an hour

  curl -K ${secretFile} ${origin}/api/v1/devices
  curl -K ${secretFile} ${origin}/api/v1/exposures
  curl -K ${secretFile} ${origin}/api/v1/audit/entries
`)
  }
}
