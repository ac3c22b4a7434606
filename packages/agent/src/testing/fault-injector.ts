/**
 * Counts every call of an agent to the disk, the state file and the service, and makes one of them
 * fail: before it takes effect, or after it did; with an error that the agent sees, or with the end
 * of its process. Model: sunlight's `TestSequenceErrors`.
 */
import type { ClientDeps } from '../service-client.ts'
import type { StateStorage } from '../state-file.ts'
import { ProviderError } from '../volume-provider.ts'
import type { VolumeProvider } from '../volume-provider.ts'

type FaultMode = 'fails' | 'fails after it took effect'

export interface Fault {
  /** 0-based number of the call. */
  readonly index: number
  readonly mode: FaultMode
  /** The process ends there: nothing it does afterwards has an effect. */
  readonly death: boolean
}

/** What no rule may catch: stands for `kill -9`. */
export class ProcessDeath extends Error {
  override readonly name = 'ProcessDeath'
}

/** Calls that change nothing: for them both modes of failure are the same. */
const READS = /^(disk\.(describeDevice|listVolumes|readRecoveryKey)|state\.read)$/

export class FaultInjector {
  readonly calls: string[] = []
  readonly #fault: Fault | undefined
  readonly #afterCall: (name: string) => Promise<void>
  isDead = false
  hasFired = false

  /** `afterCall` runs when a call has taken effect, before its answer is given (or lost). */
  constructor(fault?: Fault, afterCall: (name: string) => Promise<void> = () => Promise.resolve()) {
    this.#fault = fault
    this.#afterCall = afterCall
  }

  async #through<T>(name: string, failure: () => Error, effect: () => Promise<T>): Promise<T> {
    if (this.isDead) throw new ProcessDeath(`${name} after the end of the process`)
    const isHit = this.#fault?.index === this.calls.length
    this.calls.push(name)
    if (isHit && this.#fault?.mode === 'fails') this.#fire(failure)
    const result = await effect()
    await this.#afterCall(name)
    if (isHit) this.#fire(failure)
    return result
  }

  #fire(failure: () => Error): never {
    this.hasFired = true
    this.isDead = this.#fault?.death ?? false
    throw this.isDead ? new ProcessDeath('the process ended') : failure()
  }

  disk(provider: VolumeProvider): VolumeProvider {
    const call = <T>(name: string, effect: () => Promise<T>) =>
      this.#through(
        `disk.${name}`,
        () => new ProviderError('DEVICE_FAILED', 'The disk has failed.'),
        effect,
      )
    return {
      type: provider.type,
      describeDevice: () => call('describeDevice', () => provider.describeDevice()),
      listVolumes: () => call('listVolumes', () => provider.listVolumes()),
      readRecoveryKey: (name) => call('readRecoveryKey', () => provider.readRecoveryKey(name)),
      addRecoveryPassword: (id) =>
        call('addRecoveryPassword', () => provider.addRecoveryPassword(id)),
      removeRecoveryPassword: (name) =>
        call('removeRecoveryPassword', () => provider.removeRecoveryPassword(name)),
      encrypt: (id, options) => call('encrypt', () => provider.encrypt(id, options)),
    }
  }

  storage(storage: StateStorage): StateStorage {
    const failure = () => new Error('no space left on device')
    return {
      path: storage.path,
      read: () => this.#through('state.read', failure, () => storage.read()),
      write: (bytes) => this.#through('state.write', failure, () => storage.write(bytes)),
    }
  }

  deps(deps: ClientDeps): ClientDeps {
    return {
      ...deps,
      fetch: (url, init) =>
        this.#through(
          `service ${new URL(url).pathname}`,
          () => new TypeError('fetch failed', { cause: new Error('ECONNRESET') }),
          () => deps.fetch(url, init),
        ),
    }
  }
}

/** Every fault worth injecting into a run that made `calls`. */
export function faultsOf(calls: readonly string[]): Fault[] {
  return calls.flatMap((name, index) => {
    const modes: readonly FaultMode[] = READS.test(name)
      ? ['fails']
      : ['fails', 'fails after it took effect']
    return modes.flatMap((mode) => [
      { index, mode, death: false },
      { index, mode, death: true },
    ])
  })
}
