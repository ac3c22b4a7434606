/**
 * The volumes that Windows made, from ../shared/fixtures/bitlk beside the checkout, with what their
 * README says about them. They are read, never committed; where they are absent the tests that need
 * them skip and say so.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'

const FOLDER = join(import.meta.dirname, '../../../../../shared/fixtures/bitlk')

/** Largest fixture is 128 MiB. */
const MAX_IMAGE = 256 * 1024 * 1024

export interface WindowsVolume {
  readonly name: string
  readonly volumeId: string
  readonly size: number
  readonly method: string
  readonly sectorSize: number
  readonly createdAt: string
  readonly description: string
  readonly offsets: readonly number[]
  readonly protectors: readonly (readonly [type: string, id: string])[]
  /** Protector ID and recovery password. */
  readonly passwords: readonly (readonly [id: string, password: string])[]
  readonly passphrase?: string
  readonly startupKeyFile?: string
  /** SHA-256 of the decrypted view. */
  readonly plainHash?: string
  /** Conversion not finished, or suspended: read and verify, never rotate. */
  readonly frozen?: 'encryptOnWrite' | 'clearKey'
}

export const haveWindowsVolumes = existsSync(FOLDER)

if (!haveWindowsVolumes) {
  process.stderr.write('SKIP: no Windows-made volumes (../shared/fixtures/bitlk) on this machine\n')
}

/** The whole image. */
export function loadWindowsVolume(name: string): Uint8Array {
  const packed = readFileSync(join(FOLDER, `${name}.img.zst`))
  return new Uint8Array(zstdDecompressSync(packed, { maxOutputLength: MAX_IMAGE }))
}

export function loadStartupKeyFile(name: string): Uint8Array {
  return new Uint8Array(readFileSync(startupKeyPath(name)))
}

export function startupKeyPath(name: string): string {
  return join(FOLDER, name)
}

const VECTORS = join(import.meta.dirname, 'windows-volumes.vectors.json')

/** In the order of the fixtures' README. Passwords and keys were published with the images. */
export const WINDOWS_VOLUMES = JSON.parse(readFileSync(VECTORS, 'utf8')) as WindowsVolume[]
