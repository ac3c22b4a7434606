/** A service as a process of its own, with what tests of the agent ask of its administrator. */
import { join } from 'node:path'
import type { CreatedEnrollmentToken, DeviceDetail, Disclosure } from '@keydesk/contract'
import { systemClock } from '@keydesk/agent'
import type { ClientDeps } from '@keydesk/agent'
import { freePort } from '../../scripts/service-process.ts'
import {
  accessTokenOf,
  becomeFirstAdministrator,
} from '../../scripts/sign-in/first-administrator.ts'
import { startServerProcess, temporaryDirectory } from './server-process.ts'
import type { ServerProcess } from './server-process.ts'

const ENROLMENTS_MAX = 10_000

export interface AgentServiceOptions {
  /**
   * `own`: agents reach the service under its real address, as processes of their own must.
   * Otherwise it calls itself https://keydesk.example, and `deps` leads that name to its port.
   */
  readonly origin?: 'own'
}

export class AgentService {
  /** What the service calls itself; agents are told this address. */
  readonly origin: string
  readonly dataDir = join(temporaryDirectory(), 'data')
  readonly #port: number
  #server: ServerProcess | undefined
  #address = ''
  #accessToken = ''
  #enrollmentToken = ''

  private constructor(origin: string, port: number) {
    this.origin = origin
    this.#port = port
  }

  get enrollmentToken(): string {
    return this.#enrollmentToken
  }

  static async start(options: AgentServiceOptions = {}): Promise<AgentService> {
    const port = options.origin === 'own' ? await freePort() : 0
    const origin = port === 0 ? 'https://keydesk.example' : `http://127.0.0.1:${port}`
    const service = new AgentService(origin, port)
    const output = await service.#run()
    const setupLink = /http\S+\/welcome\/\S+/.exec(output)?.[0] ?? ''
    const address = service.#address
    const first = await becomeFirstAdministrator({ origin, address, setupLink })
    service.#accessToken = await accessTokenOf(first, address)
    const { token } = await service.#call<CreatedEnrollmentToken>('POST', '/enrollment-tokens', {
      name: 'tests',
      usesMax: ENROLMENTS_MAX,
      expiresInSeconds: 3600,
    })
    service.#enrollmentToken = token
    return service
  }

  /** As a power cut ends it: nothing is finished. */
  async kill(): Promise<void> {
    this.#server?.child.kill('SIGKILL')
    await this.#server?.exited
  }

  /** On the same data, after `kill`. */
  async startAgain(): Promise<void> {
    await this.#run()
  }

  async #run(): Promise<string> {
    this.#server = startServerProcess({
      dataDir: this.dataDir,
      env: {
        KEYDESK_DISCLOSURE_BUDGET: '100000/1h',
        KEYDESK_PORT: String(this.#port),
        KEYDESK_ORIGIN: this.origin,
      },
    })
    this.#address = await this.#server.ready()
    return this.#server.output()
  }

  /** The real network, with the service's name led to its port; pauses are not waited for. */
  deps(): ClientDeps {
    return {
      clock: { now: () => systemClock.now(), sleep: () => Promise.resolve() },
      random: () => 0,
      fetch: (url, init) => fetch(url.replace(this.origin, this.#address), init),
    }
  }

  async disclose(recoveryKeyId: string, deviceId: string): Promise<string> {
    const reason = { code: 'drill' }
    const body = { recoveryKeyId, deviceId, reason }
    return (await this.#call<Disclosure>('POST', '/disclosures', body)).recoveryPassword
  }

  async requestRotation(deviceId: string, protectorId: string): Promise<void> {
    await this.#call('POST', `/devices/${deviceId}/rotations`, { protectorId })
  }

  /** State of the newest rotation of that protector. */
  async rotationState(deviceId: string, protectorId: string): Promise<string | undefined> {
    const { rotations } = await this.#call<DeviceDetail>('GET', `/devices/${deviceId}`)
    return rotations.find((rotation) => rotation.protectorId === protectorId)?.state
  }

  /** How far each stored key of the device is proven. */
  async proofs(deviceId: string): Promise<string[]> {
    const { keys } = await this.#call<DeviceDetail>('GET', `/devices/${deviceId}`)
    return keys.map(({ proof }) => proof)
  }

  async #call<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
    const response = await fetch(`${this.#address}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#accessToken}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`)
    return (await response.json()) as T
  }
}
