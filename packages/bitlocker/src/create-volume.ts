/**
 * Makes a BitLocker volume out of a plaintext file system, or an empty one
 * (docs/spec/fve-metadata.md, "Creating"). Invariants: the recovery passwords may be chosen by the
 * caller, who can escrow them before the first byte is encrypted; sector 0 is written last, after
 * everything else is durable, so that a half-made volume is no volume.
 */
import { randomBytes, randomUUID } from 'node:crypto'

import { sealKey } from './aes-ccm.ts'
import type { WorkOptions } from './credential.ts'
import { DATUM_ROLE, encodeString } from './datum.ts'
import { encodeRecoveryPasswordProtector, encodeStartupKeyProtector } from './encode-protector.ts'
import { encodeRegion } from './encode-region.ts'
import {
  encodeBlockHeader,
  encodeBootSector,
  encodeVirtualization,
} from './encode-volume-header.ts'
import { isGuid } from './guid.ts'
import { BITLOCKER_LIMITS } from './limits.ts'
import { equalBytes } from './little-endian.ts'
import { NonceSource } from './nonce-source.ts'
import type { RecoveryPassword } from './read-recovery-passwords.ts'
import { readMetadata } from './read-volume.ts'
import { generateRecoveryKey } from './recovery-password.ts'
import type { StartupKey } from './startup-key.ts'
import { isAuthentic } from './validation.ts'
import { VolumeError } from './volume-error.ts'
import { planVolumeLayout, planVolumeSize, RELOCATED_SIZE } from './volume-layout.ts'
import type { VolumeLayout } from './volume-layout.ts'
import { ioFailure } from './volume-storage.ts'
import type { VolumeStorage } from './volume-storage.ts'
import { XtsCipher } from './xts-cipher.ts'

export interface NewRecoveryPassword {
  /** GUID; random by default. */
  readonly protectorId?: string | undefined
  /** 16 bytes; random by default. It stays the caller's. */
  readonly recoveryKey?: Uint8Array | undefined
}

export interface CreateVolumeOptions extends WorkOptions {
  /** XTS-AES-128 by default, as Windows has it. */
  readonly method?: 'xts-aes-128' | 'xts-aes-256' | undefined
  /** 512 by default. */
  readonly sectorSize?: 512 | 4096 | undefined
  /** The plaintext file system; none makes an empty volume. It is only read. */
  readonly source?: Pick<VolumeStorage, 'size' | 'read'> | undefined
  /** One random one by default. */
  readonly recoveryPasswords?: readonly NewRecoveryPassword[] | undefined
  /** Adds a startup key protector. */
  readonly startupKey?: boolean | undefined
  /** Shown by tools; Windows writes `HOST LABEL DATE`. */
  readonly description?: string | undefined
  /** GUID; random by default. */
  readonly volumeId?: string | undefined
  /** Called with the fraction of the data that is encrypted. */
  readonly onProgress?: ((fraction: number) => void) | undefined
}

export interface CreatedVolume {
  readonly volumeId: string
  readonly encryptionMethod: 'xts-aes-128' | 'xts-aes-256'
  /** Bytes. */
  readonly size: number
  /** In the order of the options. Secret; the caller wipes the keys. */
  readonly recoveryPasswords: readonly RecoveryPassword[]
  /** Secret; store it with formatStartupKey, apart from the volume. */
  readonly startupKey?: StartupKey
}

const METHODS = {
  'xts-aes-128': { code: 0x8004, keyLength: 32 },
  'xts-aes-256': { code: 0x8005, keyLength: 64 },
} as const

/** Windows' own volumes start here. */
const FIRST_NONCE_COUNTER = 2
const CHUNK = 1_048_576

/** What a volume consists of before it is written. */
interface VolumePlan {
  readonly layout: VolumeLayout
  readonly size: number
  readonly sectorSize: 512 | 4096
  readonly method: 'xts-aes-128' | 'xts-aes-256'
  readonly volumeId: string
  readonly description: string
  readonly recoveryPasswords: readonly RecoveryPassword[]
  readonly startupKey: StartupKey | undefined
}

/**
 * Encrypts into `storage`, whose whole size becomes the volume (`planVolumeSize` says how large it
 * must be); whatever was there is lost. The result reads back as a volume with these protectors
 * before this returns. Takes about a second for 64 MiB plus 0.4 s for each recovery password.
 * Throws VolumeError: VOLUME_OPTION, VOLUME_IO, VOLUME_WRITE_UNVERIFIED. Not idempotent: a second
 * call makes another volume with other keys.
 */
export async function createVolume(
  storage: VolumeStorage,
  options: CreateVolumeOptions = {},
): Promise<CreatedVolume> {
  const plan = planVolume(storage.size, options)
  const masterKey = randomBytes(32)
  const volumeKey = newVolumeKey(METHODS[plan.method].keyLength)
  try {
    const region = await encodeMetadata(plan, masterKey, volumeKey, options)
    await writeData(storage, plan, volumeKey, options)
    for (const offset of plan.layout.metadataOffsets) await write(storage, offset, region)
    await ioFailure('write', () => storage.sync())
    await write(storage, 0, encodeBootSector(plan.layout, plan.sectorSize))
    await ioFailure('write', () => storage.sync())
    await requireReadBack(storage, region, masterKey)
  } finally {
    masterKey.fill(0)
    volumeKey.fill(0)
  }
  const { volumeId, method, size, recoveryPasswords, startupKey } = plan
  return {
    volumeId,
    encryptionMethod: method,
    size,
    recoveryPasswords,
    ...(startupKey && { startupKey }),
  }
}

function planVolume(size: number, options: CreateVolumeOptions): VolumePlan {
  const { sectorSize = 512, method = 'xts-aes-128', description = '' } = options
  const volumeId = checkedId(options.volumeId)
  const recoveryPasswords = (options.recoveryPasswords ?? [{}]).map((wanted) => ({
    protectorId: checkedId(wanted.protectorId),
    recoveryKey: (wanted.recoveryKey ?? generateRecoveryKey()).slice(),
  }))
  if (
    recoveryPasswords.length < 1 ||
    recoveryPasswords.length > BITLOCKER_LIMITS.newRecoveryPasswords
  ) {
    throw new VolumeError(
      'VOLUME_OPTION',
      `A new volume has 1 to ${BITLOCKER_LIMITS.newRecoveryPasswords} recovery passwords`,
    )
  }
  if (
    new Set(recoveryPasswords.map(({ protectorId }) => protectorId)).size < recoveryPasswords.length
  ) {
    throw new VolumeError('VOLUME_OPTION', 'Two recovery passwords have the same protector ID')
  }
  if (description.length > BITLOCKER_LIMITS.descriptionCharacters) {
    throw new VolumeError(
      'VOLUME_OPTION',
      `The description has at most ${BITLOCKER_LIMITS.descriptionCharacters} characters`,
    )
  }
  planVolumeSize({ sourceSize: options.source?.size, size, sectorSize })
  const startupKey = options.startupKey === true ? newStartupKey() : undefined
  const layout = planVolumeLayout(size)
  return { layout, size, sectorSize, method, volumeId, description, recoveryPasswords, startupKey }
}

/** Without the volume ID that Windows 11 adds: dislocker 0.7 cannot read a file that has one. */
function newStartupKey(): StartupKey {
  const key = new Uint8Array(randomBytes(32))
  return { protectorId: randomUUID(), createdAt: new Date(), key }
}

/** XTS is only XTS if its two keys differ. */
function newVolumeKey(length: number): Uint8Array {
  const key = randomBytes(length)
  return equalBytes(key.subarray(0, length / 2), key.subarray(length / 2))
    ? newVolumeKey(length)
    : key
}

async function encodeMetadata(
  plan: VolumePlan,
  masterKey: Uint8Array,
  volumeKey: Uint8Array,
  options: CreateVolumeOptions,
): Promise<Uint8Array> {
  const nonces = new NonceSource({ counter: FIRST_NONCE_COUNTER })
  const wrapping = { masterKey, nonces }
  const method = METHODS[plan.method].code
  const datums = [encodeString(DATUM_ROLE.description, plan.description)]
  if (plan.startupKey) datums.push(encodeStartupKeyProtector(plan.startupKey, wrapping))
  for (const recoveryPassword of plan.recoveryPasswords) {
    datums.push(
      await encodeRecoveryPasswordProtector(recoveryPassword, wrapping, { signal: options.signal }),
    )
  }
  datums.push(
    sealKey({ keyType: method, key: volumeKey, role: DATUM_ROLE.fvek }, masterKey, nonces.next()),
    encodeVirtualization(plan.layout, plan.sectorSize),
  )
  const header = encodeBlockHeader({ ...plan, method, createdAt: nonces.time })
  return encodeRegion(header, datums, wrapping)
}

/** Encrypts everything in place, and the beginning a second time where the header is kept. */
async function writeData(
  storage: VolumeStorage,
  plan: VolumePlan,
  volumeKey: Uint8Array,
  { source, signal, onProgress }: CreateVolumeOptions,
): Promise<void> {
  const { size, sectorSize, layout } = plan
  const cipher = new XtsCipher(volumeKey, sectorSize)
  let header = new Uint8Array(RELOCATED_SIZE)
  for (let at = 0; at < size; at += CHUNK) {
    signal?.throwIfAborted()
    const plaintext = await readSource(source, at, Math.min(CHUNK, size - at))
    const encrypted = cipher.encrypt(at / sectorSize, plaintext)
    if (at === 0) {
      header = plaintext.slice(0, RELOCATED_SIZE)
      // No sector 0 yet: until the end this must not look like a volume, not even like the one it
      // replaces.
      encrypted.fill(0, 0, sectorSize)
    }
    await write(storage, at, encrypted)
    onProgress?.(Math.min(1, (at + CHUNK) / size))
  }
  const { relocatedOffset } = layout
  await write(storage, relocatedOffset, cipher.encrypt(relocatedOffset / sectorSize, header))
}

/** The source's bytes, zeros behind its end. */
async function readSource(
  source: CreateVolumeOptions['source'],
  at: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  const available = source ? Math.min(length, source.size - at) : 0
  if (source && available > 0) {
    bytes.set(await ioFailure('read', () => source.read(at, available)))
  }
  return bytes
}

async function write(storage: VolumeStorage, offset: number, bytes: Uint8Array): Promise<void> {
  await ioFailure('write', () => storage.write(offset, bytes))
}

async function requireReadBack(
  storage: VolumeStorage,
  region: Uint8Array,
  masterKey: Uint8Array,
): Promise<void> {
  const { valid } = await readMetadata(storage)
  const whole = valid.length === 3 && valid.every((copy) => equalBytes(copy.region, region))
  if (whole && isAuthentic(valid[0], masterKey)) return
  throw new VolumeError('VOLUME_WRITE_UNVERIFIED', 'The new volume does not read back as written')
}

function checkedId(id: string | undefined): string {
  if (id === undefined) return randomUUID()
  if (isGuid(id)) return id
  throw new VolumeError('VOLUME_OPTION', 'An ID must be a lower-case GUID without braces')
}
