/**
 * The proof that a credential opened a volume: it holds the volume master key (VMK), which unwraps
 * every key of the volume. Invariant: the key is reachable only through `masterKeyOf`, so it cannot
 * be printed by accident.
 */
import { VolumeError } from './volume-error.ts'

export class UnlockedVolume implements Disposable {
  readonly volumeId: string
  /** The protector that the credential opened. */
  readonly protectorId: string
  readonly #masterKey: Uint8Array
  #disposed = false

  /** Takes over `masterKey`. */
  constructor(fields: { volumeId: string; protectorId: string; masterKey: Uint8Array }) {
    this.volumeId = fields.volumeId
    this.protectorId = fields.protectorId
    this.#masterKey = fields.masterKey
  }

  /** Wipes the key; a second call does nothing. */
  dispose(): void {
    this.#disposed = true
    this.#masterKey.fill(0)
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** The VMK itself, not a copy. For this package only. */
  static masterKeyOf(unlocked: UnlockedVolume): Uint8Array {
    if (unlocked.#disposed) throw new VolumeError('VOLUME_CHANGED', 'The volume is locked again')
    return unlocked.#masterKey
  }
}
