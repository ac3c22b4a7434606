/**
 * Turn the plain file-system image of a sample PC into a BitLocker volume, so that a crash at any
 * instant leaves either the plain image with its prepared passwords or the finished volume.
 *
 *   1. the volume is made in a file of its own and synced
 *   2. the startup key is written durably (until step 3 it opens nothing that is in use)
 *   3. the new file takes the name of the image: the one instant at which the volume is encrypted
 *   4. the prepared passwords go; a leftover of a crash between 3 and 4 is ignored,
 *      and removed by the next call that has to do with passwords
 */
import { dirname } from 'node:path'
import { rename } from 'node:fs/promises'
import {
  createVolume,
  createVolumeFile,
  formatStartupKey,
  openVolumeFile,
  planVolumeSize,
} from '@keydesk/bitlocker/volume'
import { removeIfThere, syncDirectory, writeDurably } from '../durable-file.ts'
import type { NewEncryptionMethod } from '../volume-provider.ts'
import { wipePasswords, writePreparedPasswords } from './prepared-passwords.ts'
import type { PreparedPassword } from './prepared-passwords.ts'
import type { VolumeFiles } from './pc-description.ts'

interface ImageEncryption {
  readonly files: VolumeFiles
  readonly volumeId: string
  readonly description: string
  readonly method: NewEncryptionMethod
  /** Exactly these recovery passwords are on the volume afterwards. */
  readonly passwords: readonly PreparedPassword[]
}

/** The caller has made sure that the image is plain and that `passwords` is not empty. */
export async function encryptImage(encryption: ImageEncryption): Promise<void> {
  const { files } = encryption
  await removeIfThere(files.unfinished)
  const startupKey = await makeVolume(encryption)
  await writeDurably(files.startupKey, startupKey)
  startupKey.fill(0)
  await rename(files.unfinished, files.image)
  await syncDirectory(dirname(files.image))
  await writePreparedPasswords(files.prepared, [])
}

/** Returns the bytes of the startup key file. */
async function makeVolume(encryption: ImageEncryption): Promise<Uint8Array> {
  const { files, method, volumeId, description, passwords } = encryption
  await using source = await openVolumeFile(files.image, { access: 'read' })
  const size = planVolumeSize({ sourceSize: source.size })
  await using target = await createVolumeFile(files.unfinished, size)
  const created = await createVolume(target, {
    method,
    source,
    volumeId,
    description,
    recoveryPasswords: passwords,
    startupKey: true,
  })
  await target.sync()
  wipePasswords(created.recoveryPasswords)
  if (created.startupKey === undefined) throw new Error('no startup key was made')
  const bytes = formatStartupKey(created.startupKey)
  created.startupKey.key.fill(0)
  return bytes
}
