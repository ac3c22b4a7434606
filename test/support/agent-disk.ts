/**
 * What is really on the disk of a sample PC, and which receipts of its agent hold for it: read with
 * the volume tools and the contract alone, past everything that the agent itself believes. The
 * startup key opens the volume without a key derivation.
 */
import { createPublicKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatRecoveryPassword, parseRecoveryPassword } from '@keydesk/bitlocker'
import {
  openVolumeFile,
  parseStartupKey,
  readRecoveryPasswords,
  readVolume,
  unlockVolume,
  VolumeError,
} from '@keydesk/bitlocker/volume'
import { verifyReceipt } from '@keydesk/contract/receipt'
import type { StateStorage } from '@keydesk/agent'
import { decodeState } from '../../packages/agent/src/state-file.ts'

export interface Disk {
  readonly volumeId: string
  readonly isPlain: boolean
  /** Protector ID → recovery password, for all that are on the disk. */
  readonly passwords: ReadonlyMap<string, string>
  /** Type and ID of everything else. */
  readonly otherProtectors: readonly string[]
}

const IMAGE = 'os.img'
const STARTUP_KEY = 'os.BEK'

/** The operating system volume of the PC in `directory`. */
export async function readDisk(directory: string): Promise<Disk> {
  await using file = await openVolumeFile(join(directory, IMAGE), { access: 'read' })
  try {
    const volume = await readVolume(file)
    const startupKey = parseStartupKey(await readFile(join(directory, STARTUP_KEY)))
    using unlocked = await unlockVolume(file, { type: 'startupKey', startupKey })
    if (unlocked === undefined) throw new Error('the startup key does not open the volume')
    const passwords = await readRecoveryPasswords(file, unlocked)
    return {
      volumeId: volume.volumeId,
      isPlain: false,
      passwords: new Map(
        passwords.map(({ protectorId, recoveryKey }) => [
          protectorId,
          formatRecoveryPassword(recoveryKey),
        ]),
      ),
      otherProtectors: volume.protectors
        .filter(({ type }) => type !== 'recoveryPassword')
        .map(({ type, id }) => `${type} ${id}`),
    }
  } catch (error) {
    if (!(error instanceof VolumeError) || error.code !== 'VOLUME_NOT_BITLOCKER') throw error
    return { volumeId: '', isPlain: true, passwords: new Map(), otherProtectors: [] }
  }
}

/** The protectors whose password has a receipt in the state file that holds for it. */
export async function receiptsThatHold(disk: Disk, storage: StateStorage): Promise<string[]> {
  const bytes = await storage.read()
  if (bytes === undefined) return []
  const { enrollment, receipts } = decodeState(bytes, storage.path)
  const good: string[] = []
  for (const { volumeId, protectorId, receipt } of receipts) {
    const password = disk.passwords.get(protectorId)
    if (password === undefined || enrollment === undefined || volumeId !== disk.volumeId) continue
    const { deviceId, origin, receiptKey } = enrollment
    const holds = await verifyReceipt({
      receipt,
      publicKey: createPublicKey({ key: { ...receiptKey.publicKey }, format: 'jwk' }),
      origin,
      binding: { deviceId, volumeId, protectorId },
      recoveryKey: parseRecoveryPassword(password),
    }).then(
      () => true,
      () => false,
    )
    if (holds) good.push(protectorId)
  }
  return good
}

/** Whether the password opens the volume, with the whole key derivation. */
export async function unlocksWith(directory: string, password: string): Promise<boolean> {
  await using file = await openVolumeFile(join(directory, IMAGE), { access: 'read' })
  const recoveryKey = parseRecoveryPassword(password)
  using unlocked = await unlockVolume(file, { type: 'recoveryPassword', recoveryKey })
  return unlocked !== undefined
}
