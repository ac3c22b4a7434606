/**
 * `keydesk volume create`: an image file with a new volume, empty or around a file system.
 * Invariants: nothing of an image or a startup key file stays behind when it fails; the recovery
 * password is out, and durable where standard output is a file, before the image has its name.
 */
import { formatRecoveryPassword } from '@keydesk/bitlocker'
import {
  createVolume,
  formatStartupKey,
  openVolumeFile,
  planVolumeSize,
} from '@keydesk/bitlocker/volume'
import type { CreatedVolume, VolumeFile } from '@keydesk/bitlocker/volume'

import { CommandError } from '../command-error.ts'
import { interruption } from '../interruption.ts'
import { printDurably } from '../print.ts'
import { progressLine } from '../progress-line.ts'
import { createImageFile } from './image-file.ts'
import { parseSize } from './parse-size.ts'
import { reserveSecretFile } from './secret-file.ts'
import { METHOD_WORDS, screenId, sizeInWords, table } from './words.ts'

export interface CreateOptions {
  readonly size?: string
  readonly from?: string
  readonly method: 'xts-aes-128' | 'xts-aes-256'
  readonly startupKeyOut?: string
  readonly force?: boolean
  readonly json?: boolean
}

export async function create(image: string, options: CreateOptions): Promise<number> {
  const { method, startupKeyOut } = options
  const signal = interruption()
  await using source = await openSource(options)
  const size = sizeOf(options, source)
  await using keyFile =
    startupKeyOut === undefined ? undefined : await reserveSecretFile(startupKeyOut)
  await using file = await createImageFile(image, size, { force: options.force === true })
  const created = await encrypt(file.storage, {
    method,
    source,
    startupKey: keyFile !== undefined,
    signal,
  })
  try {
    if (created.startupKey) await keyFile?.write(formatStartupKey(created.startupKey))
    // A volume whose password nobody has seen is worth nothing, least of all in place of another.
    await show(image, created, options)
    await file.keep()
  } catch (error) {
    keyFile?.discard()
    throw error
  } finally {
    created.startupKey?.key.fill(0)
    for (const { recoveryKey } of created.recoveryPasswords) recoveryKey.fill(0)
  }
  return 0
}

async function openSource({ from }: CreateOptions): Promise<VolumeFile | undefined> {
  return from === undefined ? undefined : await openVolumeFile(from, { access: 'read' })
}

function sizeOf({ size }: CreateOptions, source: VolumeFile | undefined): number {
  if (size === undefined && !source) {
    throw new CommandError('USAGE', 'Say how large the volume is to be, such as --size 64M')
  }
  return planVolumeSize({
    size: size === undefined ? undefined : parseSize(size),
    sourceSize: source?.size,
  })
}

async function encrypt(
  storage: VolumeFile,
  options: NonNullable<Parameters<typeof createVolume>[1]>,
): Promise<CreatedVolume> {
  using progress = progressLine('Encrypting')
  return await createVolume(storage, { ...options, onProgress: progress.update })
}

async function show(image: string, created: CreatedVolume, options: CreateOptions): Promise<void> {
  const { volumeId, encryptionMethod, startupKey } = created
  const [first] = created.recoveryPasswords
  if (!first) throw new TypeError('A volume is created with a recovery password')
  const recoveryPassword = formatRecoveryPassword(first.recoveryKey)
  if (options.json) {
    const protectors = [
      ...(startupKey ? [{ id: startupKey.protectorId, type: 'startupKey' }] : []),
      { id: first.protectorId, type: 'recoveryPassword' },
    ]
    const answer = { volumeId, encryptionMethod, protectors, recoveryPassword }
    await printDurably(`${JSON.stringify(answer)}\n`)
    return
  }
  const rows: (readonly [string, string])[] = [
    ['Volume ID', screenId(volumeId)],
    ['Encryption', METHOD_WORDS[encryptionMethod]],
    ['Recovery key ID', screenId(first.protectorId)],
    ['Recovery password', recoveryPassword],
  ]
  if (options.startupKeyOut !== undefined) rows.push(['Startup key', options.startupKeyOut])
  const size = sizeInWords(created.size)
  const warning =
    options.startupKeyOut === undefined
      ? 'Keep the recovery password: nothing else unlocks this volume.'
      : 'Keep the recovery password and the startup key: nothing else unlocks this volume.'
  await printDurably(
    `Created ${image}, a BitLocker volume of ${size}.\n\n${table(rows)}\n${warning}\n`,
  )
}
