import type { WorkOptions } from './credential.ts'
import type { RecoveryPassword } from './read-recovery-passwords.ts'
import type { StartupKey } from './startup-key.ts'
import { VolumeError } from './volume-error.ts'
import type { VolumeStorage } from './volume-storage.ts'

export interface NewRecoveryPassword {
  /** GUID; random by default. */
  readonly protectorId?: string | undefined
  /** 16 bytes; random by default. Not wiped: it stays the caller's. */
  readonly recoveryKey?: Uint8Array | undefined
}

export interface CreateVolumeOptions extends WorkOptions {
  readonly method?: 'xts-aes-128' | 'xts-aes-256' | undefined
  readonly sectorSize?: 512 | 4096 | undefined
  /** The plaintext file system; none makes an empty volume. It is only read. */
  readonly source?: Pick<VolumeStorage, 'size' | 'read'> | undefined
  /** At least one; by default one random one. */
  readonly recoveryPasswords?: readonly NewRecoveryPassword[] | undefined
  /** Adds a startup key protector; `protectorId` random by default. */
  readonly startupKey?: boolean | { readonly protectorId?: string | undefined } | undefined
  /** Shown by tools, e.g. `PC-042 C: 2026-11-22`. */
  readonly description?: string | undefined
  readonly volumeId?: string | undefined
}

export interface CreatedVolume {
  readonly volumeId: string
  readonly encryptionMethod: 'xts-aes-128' | 'xts-aes-256'
  readonly size: number
  /** In the order of the options. Secret; the caller wipes the keys. */
  readonly recoveryPasswords: readonly RecoveryPassword[]
  readonly startupKey?: StartupKey
}

/** The volume size that a source needs, metadata included, or `size` if that is enough. Throws VOLUME_OPTION if not. */
export function planVolumeSize(_options: {
  readonly sourceSize?: number | undefined
  readonly size?: number | undefined
  readonly sectorSize?: 512 | 4096 | undefined
}): number {
  throw new VolumeError('VOLUME_STATE', 'Not written yet')
}

/** Encrypts a file system (or nothing) into `storage`, whose whole size becomes the volume. */
export async function createVolume(
  _storage: VolumeStorage,
  _options: CreateVolumeOptions = {},
): Promise<CreatedVolume> {
  throw new VolumeError('VOLUME_STATE', 'Not written yet')
}
