/**
 * A PC whose volumes are held in memory: the provider interface without disks and without the cost
 * of a key derivation, for tests of the rules. The `image` provider has tests of its own.
 */
import { generateRecoveryKey } from '@keydesk/bitlocker'
import { randomUUID } from 'node:crypto'
import { ProviderError } from '../volume-provider.ts'
import type {
  ProtectorType,
  ProviderErrorCode,
  ProviderVolume,
  VolumeProvider,
  VolumeStatus,
  VolumeType,
} from '../volume-provider.ts'

export interface MemoryProtector {
  readonly id: string
  readonly type: ProtectorType
  readonly recoveryKey?: Uint8Array
}

export class MemoryVolume {
  readonly id = randomUUID() as string
  readonly type: VolumeType
  readonly mountPoint: string
  status: VolumeStatus = 'fullyDecrypted'
  isLocked = false
  isListReadable = true
  protectors: MemoryProtector[] = []
  /** The next change of this volume fails with this code, for ever. */
  refusal: ProviderErrorCode | undefined

  constructor(mountPoint = 'C:', type: VolumeType = 'operatingSystem') {
    this.mountPoint = mountPoint
    this.type = type
  }

  /** As if encrypted by somebody else, with these protectors and `recoveryPasswords` more. */
  encrypted(recoveryPasswords = 1, others: readonly ProtectorType[] = ['tpm']): this {
    this.status = 'fullyEncrypted'
    this.protectors = others.map((type) => ({ id: randomUUID(), type }))
    for (let count = 0; count < recoveryPasswords; count++) this.addPassword()
    return this
  }

  addPassword(): string {
    const id = randomUUID()
    this.protectors.push({ id, type: 'recoveryPassword', recoveryKey: generateRecoveryKey() })
    return id
  }

  passwordIds(): string[] {
    return this.protectors.filter(({ type }) => type === 'recoveryPassword').map(({ id }) => id)
  }

  keyOf(protectorId: string): Uint8Array {
    const key = this.protectors.find(({ id }) => id === protectorId)?.recoveryKey
    if (key === undefined) throw new ProviderError('PROTECTOR_NOT_FOUND', 'no such password')
    return key.slice()
  }
}

export class MemoryPc implements VolumeProvider {
  readonly type = 'image'
  volumes: MemoryVolume[]

  constructor(...volumes: MemoryVolume[]) {
    this.volumes = volumes
  }

  describeDevice() {
    return Promise.resolve({ name: 'PC-ANNA', manufacturer: 'Contoso', model: 'Sample 1' })
  }

  listVolumes(): Promise<ProviderVolume[]> {
    return Promise.resolve(
      this.volumes.map((volume) => ({
        id: volume.id,
        type: volume.type,
        mountPoint: volume.mountPoint,
        status: volume.isLocked ? 'unknown' : volume.status,
        protection: volume.isLocked ? 'unknown' : volume.status === 'fullyEncrypted' ? 'on' : 'off',
        lock: volume.isLocked ? 'locked' : 'unlocked',
        ...(volume.status === 'fullyDecrypted' ? {} : { encryptionMethod: 'xts-aes-256' }),
        protectors: volume.isListReadable
          ? volume.protectors.map(({ id, type }) => ({ id, type }))
          : null,
      })),
    )
  }

  async addRecoveryPassword(volumeId: string): Promise<{ protectorId: string }> {
    const volume = this.#writable(volumeId)
    await Promise.resolve()
    return { protectorId: volume.addPassword() }
  }

  async readRecoveryKey(name: { volumeId: string; protectorId: string }): Promise<Uint8Array> {
    await Promise.resolve()
    return this.#find(name.volumeId).keyOf(name.protectorId)
  }

  async removeRecoveryPassword(name: { volumeId: string; protectorId: string }): Promise<void> {
    await Promise.resolve()
    const volume = this.#writable(name.volumeId)
    const target = volume.protectors.find(({ id }) => id === name.protectorId)
    if (target === undefined) return
    if (target.type !== 'recoveryPassword') {
      throw new ProviderError('NOT_A_RECOVERY_PASSWORD', 'not a recovery password')
    }
    volume.protectors = volume.protectors.filter(({ id }) => id !== name.protectorId)
  }

  async encrypt(volumeId: string): Promise<void> {
    await Promise.resolve()
    const volume = this.#writable(volumeId)
    if (volume.status !== 'fullyDecrypted') return
    if (volume.passwordIds().length === 0) {
      throw new ProviderError('NO_RECOVERY_PASSWORD', 'no recovery password')
    }
    volume.protectors.push({ id: randomUUID(), type: 'tpm' })
    volume.status = 'fullyEncrypted'
  }

  #find(volumeId: string): MemoryVolume {
    const volume = this.volumes.find(({ id }) => id === volumeId)
    if (volume === undefined) throw new ProviderError('VOLUME_NOT_FOUND', 'no such volume')
    if (volume.isLocked) throw new ProviderError('VOLUME_LOCKED', `${volume.mountPoint} is locked.`)
    return volume
  }

  #writable(volumeId: string): MemoryVolume {
    const volume = this.#find(volumeId)
    if (volume.refusal !== undefined) {
      throw new ProviderError(volume.refusal, `${volume.mountPoint} refuses: ${volume.refusal}.`)
    }
    return volume
  }
}
