/**
 * The volumes of a sample Windows PC: a folder with `pc.json`, disk images that are plain file
 * systems or real BitLocker volumes, and a startup key for each encrypted one, which stands in for
 * the PC's TPM. Everything is read from the files at every call; nothing is kept in between.
 */
import { generateRecoveryKey } from '@keydesk/bitlocker'
import {
  addRecoveryPassword,
  openVolumeFile,
  parseStartupKey,
  readRecoveryPasswords,
  readVolume,
  removeProtectors,
  unlockVolume,
  VolumeError,
} from '@keydesk/bitlocker/volume'
import type { UnlockedVolume, Volume, VolumeFile } from '@keydesk/bitlocker/volume'
import { randomUUID } from 'node:crypto'
import { AGENT_LIMITS } from '../limits.ts'
import { isMissing, removeIfThere } from '../durable-file.ts'
import { readBoundedFile } from '../read-bounded-file.ts'
import { ProviderError } from '../volume-provider.ts'
import type { ProviderVolume, VolumeProvider, VolumeStatus } from '../volume-provider.ts'
import { encryptImage } from './encrypt-image.ts'
import { readPcDescription, volumeFiles } from './pc-description.ts'
import type { PcVolume, VolumeFiles } from './pc-description.ts'
import {
  readPreparedPasswords,
  wipePasswords,
  writePreparedPasswords,
} from './prepared-passwords.ts'
import type { PreparedPassword } from './prepared-passwords.ts'
import { asProviderErrors } from './provider-error.ts'

/** `directory` holds `pc.json`. */
export function imageProvider(directory: string): VolumeProvider {
  const find = async (volumeId: string): Promise<FoundVolume> => {
    const { volumes } = await readPcDescription(directory)
    const volume = volumes.find(({ id }) => id === volumeId)
    if (volume === undefined) {
      throw new ProviderError('VOLUME_NOT_FOUND', `This PC has no volume ${volumeId}.`)
    }
    return found(directory, volume)
  }
  return {
    type: 'image',
    describeDevice: async () => (await readPcDescription(directory)).device,
    listVolumes: async () => {
      const { volumes } = await readPcDescription(directory)
      const list: ProviderVolume[] = []
      for (const volume of volumes) list.push(await describe(found(directory, volume)))
      return list
    },
    addRecoveryPassword: async (volumeId) => {
      const volume = await find(volumeId)
      return await asProviderErrors(volume.name, () => add(volume))
    },
    readRecoveryKey: async ({ volumeId, protectorId }) => {
      const volume = await find(volumeId)
      return await asProviderErrors(volume.name, () => readKey(volume, protectorId))
    },
    removeRecoveryPassword: async ({ volumeId, protectorId }) => {
      const volume = await find(volumeId)
      await asProviderErrors(volume.name, () => remove(volume, protectorId))
    },
    encrypt: async (volumeId, { encryptionMethod }) => {
      const volume = await find(volumeId)
      await asProviderErrors(volume.name, async () => {
        if ((await readEncrypted(volume.files.image)) !== undefined) {
          await dropLeftover(volume.files)
          return
        }
        const { device } = await readPcDescription(directory)
        const passwords = await readPreparedPasswords(volume.files.prepared)
        if (passwords.length === 0) {
          throw new ProviderError(
            'NO_RECOVERY_PASSWORD',
            `${volume.name} has no recovery password; add one before the encryption.`,
          )
        }
        const description = `${device.name} ${volume.name}`
        const { files } = volume
        await encryptImage({ files, volumeId, description, method: encryptionMethod, passwords })
        wipePasswords(passwords)
      })
    },
  }
}

interface FoundVolume {
  readonly pc: PcVolume
  readonly files: VolumeFiles
  /** For messages: the drive letter, or the GUID where there is none. */
  readonly name: string
}

function found(directory: string, pc: PcVolume): FoundVolume {
  return { pc, files: volumeFiles(directory, pc), name: pc.mountPoint ?? pc.id }
}

const STATUS: Record<Volume['state'], VolumeStatus> = {
  fullyEncrypted: 'fullyEncrypted',
  fullyDecrypted: 'fullyDecrypted',
  encryptionInProgress: 'encryptionInProgress',
  decryptionInProgress: 'decryptionInProgress',
  encryptionPaused: 'encryptionSuspended',
  decryptionPaused: 'decryptionSuspended',
  unknown: 'unknown',
}

async function describe({ pc, files }: FoundVolume): Promise<ProviderVolume> {
  const facts = {
    id: pc.id,
    type: pc.type,
    ...(pc.mountPoint === undefined ? {} : { mountPoint: pc.mountPoint }),
  }
  try {
    const volume = await readEncrypted(files.image)
    if (volume === undefined) return { ...facts, ...(await describePlain(files)) }
    const lock = (await opensWithStartupKey(files)) ? 'unlocked' : 'locked'
    const isSuspended = volume.protectors.some(({ type }) => type === 'clearKey')
    return {
      ...facts,
      lock,
      status: lock === 'locked' ? 'unknown' : STATUS[volume.state],
      protection: lock === 'locked' ? 'unknown' : isSuspended ? 'off' : 'on',
      encryptionMethod: volume.encryptionMethod,
      protectors: volume.protectors.map(({ id, type, entry }) => ({ id, type, entry })),
    }
  } catch (error) {
    if (!(error instanceof VolumeError) && !(error instanceof ProviderError)) throw error
    // One unreadable disk must not hide the others; `null` proves nothing about this one.
    return { ...facts, lock: 'locked', status: 'unknown', protection: 'unknown', protectors: null }
  }
}

async function describePlain(
  files: VolumeFiles,
): Promise<Pick<ProviderVolume, 'lock' | 'status' | 'protection' | 'protectors'>> {
  const passwords = await readPreparedPasswords(files.prepared)
  wipePasswords(passwords)
  return {
    lock: 'unlocked',
    status: 'fullyDecrypted',
    protection: 'off',
    protectors: passwords.map(({ protectorId }) => ({ id: protectorId, type: 'recoveryPassword' })),
  }
}

/** `undefined` for a plain image. Throws VolumeError for a damaged or unreadable one. */
async function readEncrypted(image: string): Promise<Volume | undefined> {
  await using file = await openVolumeFile(image, { access: 'read' })
  try {
    return await readVolume(file)
  } catch (error) {
    if (error instanceof VolumeError && error.code === 'VOLUME_NOT_BITLOCKER') return undefined
    throw error
  }
}

async function opensWithStartupKey(files: VolumeFiles): Promise<boolean> {
  await using file = await openVolumeFile(files.image, { access: 'read' })
  const unlocked = await unlock(file, files)
  unlocked?.dispose()
  return unlocked !== undefined
}

/** `undefined` when the startup key is gone or is another volume's: the "TPM" does not release. */
async function unlock(file: VolumeFile, files: VolumeFiles): Promise<UnlockedVolume | undefined> {
  let bytes: Uint8Array
  try {
    bytes = await readBoundedFile(files.startupKey, AGENT_LIMITS.startupKeyBytes)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
  const startupKey = parseStartupKey(bytes)
  bytes.fill(0)
  try {
    return await unlockVolume(file, { type: 'startupKey', startupKey })
  } finally {
    startupKey.key.fill(0)
  }
}

async function unlockOrThrow(file: VolumeFile, volume: FoundVolume): Promise<UnlockedVolume> {
  const unlocked = await unlock(file, volume.files)
  if (unlocked === undefined) {
    throw new ProviderError(
      'VOLUME_LOCKED',
      `${volume.name} is locked: its startup key is missing or belongs to another volume.`,
    )
  }
  return unlocked
}

async function add(volume: FoundVolume): Promise<{ protectorId: string }> {
  const { files } = volume
  if ((await readEncrypted(files.image)) === undefined) {
    const prepared = { protectorId: randomUUID(), recoveryKey: generateRecoveryKey() }
    await changePrepared(files, (passwords) => [...passwords, prepared])
    prepared.recoveryKey.fill(0)
    return { protectorId: prepared.protectorId }
  }
  await using file = await openVolumeFile(files.image, { access: 'write' })
  using unlocked = await unlockOrThrow(file, volume)
  const added = await addRecoveryPassword(file, unlocked)
  added.recoveryKey.fill(0)
  return { protectorId: added.protectorId }
}

async function readKey(volume: FoundVolume, protectorId: string): Promise<Uint8Array> {
  const passwords = await readPasswords(volume)
  const wanted = passwords.find((password) => password.protectorId === protectorId)
  const key = wanted?.recoveryKey.slice()
  wipePasswords(passwords)
  if (key === undefined) {
    throw new ProviderError(
      'PROTECTOR_NOT_FOUND',
      `${volume.name} has no recovery password ${protectorId}.`,
    )
  }
  return key
}

async function readPasswords(volume: FoundVolume): Promise<PreparedPassword[]> {
  const { files } = volume
  if ((await readEncrypted(files.image)) === undefined) {
    return await readPreparedPasswords(files.prepared)
  }
  await dropLeftover(files)
  await using file = await openVolumeFile(files.image, { access: 'read' })
  using unlocked = await unlockOrThrow(file, volume)
  return await readRecoveryPasswords(file, unlocked)
}

/**
 * Prepared passwords beside an encrypted volume: a crash came between its last two steps. They are
 * in clear, so they go with the first call that has to do with passwords.
 */
async function dropLeftover(files: VolumeFiles): Promise<void> {
  await removeIfThere(files.prepared)
}

async function remove(volume: FoundVolume, protectorId: string): Promise<void> {
  const { files } = volume
  const encrypted = await readEncrypted(files.image)
  if (encrypted === undefined) {
    await changePrepared(files, (passwords) =>
      passwords.filter((password) => password.protectorId !== protectorId),
    )
    return
  }
  const protector = encrypted.protectors.find(({ id }) => id === protectorId)
  if (protector === undefined) return
  if (protector.type !== 'recoveryPassword') {
    throw new ProviderError(
      'NOT_A_RECOVERY_PASSWORD',
      `${protectorId} on ${volume.name} is not a recovery password; it stays as it is.`,
    )
  }
  await using file = await openVolumeFile(files.image, { access: 'write' })
  using unlocked = await unlockOrThrow(file, volume)
  await removeProtectors(file, unlocked, [protectorId])
}

async function changePrepared(
  files: VolumeFiles,
  change: (passwords: readonly PreparedPassword[]) => PreparedPassword[],
): Promise<void> {
  const before = await readPreparedPasswords(files.prepared)
  await writePreparedPasswords(files.prepared, change(before))
  wipePasswords(before)
}
