/**
 * Issuers of OpenID Connect that are not ours, each a process of its own: an honest one
 * (foreign-issuer.ts) and one that cheats (hostile-issuer.ts).
 */

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cheat } from '../../packages/server/src/testing/hostile-issuer.ts'

/** Beside the server's tests, whose packages they need. */
const PROGRAMS = join(import.meta.dirname, '../../packages/server/src/testing')

export const CLIENT_ID = 'keydesk'
const CLIENT_SECRET = 'a-secret/with+characters=that&need:care'

/** Who signs in next at the honest issuer. */
export interface IssuerPerson {
  readonly sub: string
  readonly claims: Readonly<Record<string, unknown>>
  readonly acr?: string
  readonly amr?: readonly string[]
  /** Seconds ago. */
  readonly signedInAgo?: number
}

export interface ForeignIssuerOptions {
  readonly origin: string
  readonly claimsInIdToken?: boolean
  readonly authTime?: boolean
  /** Client authentication and whatever else differs. */
  readonly client?: Readonly<Record<string, unknown>>
}

class IssuerProcess implements AsyncDisposable {
  readonly url: string
  /** For KEYDESK_OIDC_CLIENT_SECRET_FILE. */
  readonly secretFile: string
  readonly #child: ChildProcess
  readonly #directory: string

  constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.url = `http://127.0.0.1:${port}`
    this.#directory = mkdtempSync(join(tmpdir(), 'keydesk-test-issuer-'))
    this.secretFile = join(this.#directory, 'client-secret')
    writeFileSync(this.secretFile, `${CLIENT_SECRET}\n`, { mode: 0o600 })
  }

  async order(name: string, body: unknown = {}): Promise<void> {
    const payload = JSON.stringify(body)
    const response = await fetch(`${this.url}/test/${name}`, { method: 'POST', body: payload })
    if (!response.ok) throw new Error(`the issuer does not obey: ${response.status}`)
  }

  /** Stops answering, as an issuer that is away. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGKILL')
      await once(this.#child, 'exit')
    }
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

export class ForeignIssuer extends IssuerProcess {
  static async start(options: ForeignIssuerOptions): Promise<ForeignIssuer> {
    const { origin, claimsInIdToken = false, authTime = true } = options
    const client = {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      token_endpoint_auth_method: 'client_secret_basic',
      redirect_uris: [`${origin}/sign-in/callback`],
      post_logout_redirect_uris: [`${origin}/sign-out/done`],
      ...options.client,
    }
    const env = { ISSUER_OPTIONS: JSON.stringify({ client, claimsInIdToken, authTime }) }
    return new ForeignIssuer(...(await startProcess('foreign-issuer.ts', env)))
  }

  /** Who signs in next. */
  async person(person: IssuerPerson): Promise<void> {
    await this.order('person', person)
  }

  /** New signing keys; the old ones are gone. */
  async rotateKeys(): Promise<void> {
    await this.order('rotate')
  }
}

export class HostileIssuer extends IssuerProcess {
  static async start(): Promise<HostileIssuer> {
    const env = { ISSUER_CLIENT_SECRET: CLIENT_SECRET }
    return new HostileIssuer(...(await startProcess('hostile-issuer.ts', env)))
  }

  async cheat(cheat: Cheat): Promise<void> {
    await this.order('cheat', cheat)
  }

  /** What the client has sent, oldest first. */
  async seen(): Promise<Record<string, Record<string, string>>[]> {
    const response = await fetch(`${this.url}/test/seen`)
    return (await response.json()) as Record<string, Record<string, string>>[]
  }
}

async function startProcess(
  file: string,
  env: Readonly<Record<string, string>>,
): Promise<[ChildProcess, number]> {
  const child = spawn(process.execPath, [join(PROGRAMS, file)], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const port = new Promise<number>((settle, fail) => {
    const read = (chunk: Buffer): void => {
      output += chunk.toString()
      const found = /listening (\d+)/.exec(output)?.[1]
      if (found !== undefined) settle(Number(found))
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.once('exit', () => fail(new Error(`the issuer ended:\n${output}`)))
  })
  return [child, await port]
}
