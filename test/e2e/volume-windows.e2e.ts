/**
 * The volumes that Windows made (../shared/fixtures/bitlk), through the whole command: what inspect
 * lists, what unlocks, what a rotation does to a copy, judged by cryptsetup and dislocker. The
 * passphrases are tried by the package's own tests, since the command has no option for them.
 */
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { afterAll, describe, test } from 'vitest'
import {
  cryptsetupAccepts,
  dislockerDecrypts,
  haveCryptsetup,
  haveDislocker,
  writeSparseImage,
  type DislockerCredential,
} from '../../packages/bitlocker/src/testing/judges.ts'
import { slow } from '../../packages/bitlocker/src/testing/slow.ts'
import {
  haveWindowsVolumes,
  loadWindowsVolume,
  startupKeyPath,
  WINDOWS_VOLUMES,
  type WindowsVolume,
} from '../../packages/bitlocker/src/testing/windows-volumes.ts'
import { runVolumeJson } from './volume-process.ts'

interface Rotated {
  readonly added: { readonly id: string; readonly recoveryPassword: string }
  readonly removed: readonly string[]
}

const cwd = await mkdtemp(join(tmpdir(), 'keydesk-windows-'))
afterAll(() => rm(cwd, { recursive: true }))

const stdin = ['--recovery-password-file', '-']

/** The image, in a file that tests only read, or in one of its own. */
async function imageOf({ name }: WindowsVolume, purpose: 'read' | 'rotate'): Promise<string> {
  const image = `${name}-${purpose}.img`
  const path = join(cwd, image)
  if (!existsSync(path)) writeSparseImage(path, loadWindowsVolume(name))
  return image
}

async function lastWrite(name: string): Promise<number> {
  return (await stat(join(cwd, name))).mtimeMs
}

async function fileHash(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

async function verify(image: string, password: string) {
  const { exitCode, answer } = await runVolumeJson(['verify', image, ...stdin], {
    cwd,
    input: password,
  })
  return { exitCode, answer }
}

describe.skipIf(!haveWindowsVolumes)('volumes that Windows made', () => {
  test.concurrent.for(WINDOWS_VOLUMES)(
    '$name: lists its protectors, and each password unlocks through its own',
    async (volume, { expect }) => {
      const image = await imageOf(volume, 'read')
      const before = await lastWrite(image)
      const inspected = await runVolumeJson(['inspect', image], { cwd })
      expect(inspected).toMatchObject({ exitCode: 0, stderr: '' })
      expect(inspected.answer).toEqual({
        volumeId: volume.volumeId,
        encryptionMethod: volume.method,
        state: volume.frozen === 'encryptOnWrite' ? 'encryptionInProgress' : 'fullyEncrypted',
        description: volume.description,
        metadata: volume.offsets.map((offset) => ({ offset, valid: true })),
        protectors: volume.protectors.map(([type, id]) => ({
          id,
          type,
          modified: expect.stringMatching(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
        })),
      })
      for (const [protectorId, password] of volume.passwords) {
        expect(await verify(image, password)).toEqual({
          exitCode: 0,
          answer: { unlocks: true, protectorId },
        })
      }
      expect(await lastWrite(image)).toBe(before)
    },
  )

  test.concurrent('one credential reads all recovery passwords back', async ({ expect }) => {
    const volume = WINDOWS_VOLUMES.find(({ passwords }) => passwords.length === 2)!
    const image = await imageOf(volume, 'read')
    const input = volume.passwords[1]![1]
    const { answer } = await runVolumeJson(['passwords', image, ...stdin], { cwd, input })
    const recoveryPasswords = volume.passwords.map(([id, recoveryPassword]) => ({
      id,
      recoveryPassword,
    }))
    expect(answer).toEqual({ volumeId: volume.volumeId, recoveryPasswords })
  })

  const frozen = WINDOWS_VOLUMES.filter((volume) => volume.frozen !== undefined)
  test.concurrent.for(frozen)(
    '$name: is not fully protected, so a rotation refuses and changes nothing',
    async (volume, { expect }) => {
      const image = await imageOf(volume, 'read')
      const before = await fileHash(join(cwd, image))
      const foreign = WINDOWS_VOLUMES[0]!.passwords[0]![1]
      const own = volume.passwords[0]?.[1]
      const input = own ?? foreign
      const { exitCode, stderr } = await runVolumeJson(['rotate', image, ...stdin], { cwd, input })
      const { error } = JSON.parse(stderr) as { error: { code: string } }
      expect({ exitCode, code: error.code }).toEqual(
        own === undefined
          ? { exitCode: 1, code: 'CREDENTIAL_REFUSED' }
          : { exitCode: 2, code: 'VOLUME_STATE' },
      )
      expect(await fileHash(join(cwd, image))).toBe(before)
    },
  )
})

const rotatable = WINDOWS_VOLUMES.filter(
  ({ passwords, frozen }) => passwords.length > 0 && frozen === undefined,
)

/**
 * Decrypting 100 MiB takes dislocker seconds: the normal run does it for the formats that differ
 * most (Windows 7, BitLocker To Go, several passwords), SLOW=1 for all.
 */
const DECRYPTED_ALWAYS = new Set([
  'bitlk-aes-cbc-elephant-128',
  'bitlk-togo-aes-cbc-128',
  'bitlk-aes-xts-128-two-recovery',
])

describe.skipIf(!haveWindowsVolumes)('a rotation on a copy of what Windows made', () => {
  test.concurrent.for(rotatable)(
    '$name: only the new password unlocks, and the data is the same',
    async (volume, { expect }) => {
      const image = await imageOf(volume, 'rotate')
      const [[oldId, oldPassword] = ['', '']] = volume.passwords
      const { args, input } = credentialOf(volume)
      const rotate = ['rotate', image, ...args, '--protector', oldId]
      const { exitCode, answer } = await runVolumeJson(rotate, { cwd, input })
      const { added, removed } = answer as Rotated
      expect({ exitCode, removed }).toEqual({ exitCode: 0, removed: [oldId] })
      expect(await verify(image, added.recoveryPassword)).toEqual({
        exitCode: 0,
        answer: { unlocks: true, protectorId: added.id },
      })
      // The old one is now a well-formed wrong password.
      expect(await verify(image, oldPassword)).toEqual({ exitCode: 1, answer: { unlocks: false } })

      const path = join(cwd, image)
      const judged = haveCryptsetup
        ? [added.recoveryPassword, oldPassword].map((one) => cryptsetupAccepts(path, one))
        : [true, false]
      expect(judged).toEqual([true, false])
      if (!haveDislocker || !(slow || DECRYPTED_ALWAYS.has(volume.name))) return
      // dislocker 0.7 tries the first recovery password only, and the new one may be the second.
      const credential: DislockerCredential =
        volume.passwords.length === 1
          ? { recoveryPassword: added.recoveryPassword }
          : { recoveryPassword: volume.passwords[1]![1] }
      const hashes = await decryptedHashes(path, credential)
      expect(new Set(hashes)).toEqual(new Set([volume.plainHash]))
      const refused = await decryptedHashes(path, { recoveryPassword: oldPassword })
      expect(new Set(refused)).toEqual(new Set([undefined]))
    },
  )
})

/** The startup key where there is one, so that both ways of unlocking rotate a real volume. */
function credentialOf(volume: WindowsVolume): { args: readonly string[]; input: string } {
  const { startupKeyFile } = volume
  return startupKeyFile === undefined
    ? { args: stdin, input: volume.passwords[0]![1] }
    : { args: ['--startup-key', startupKeyPath(startupKeyFile)], input: '' }
}

/**
 * Hashes of the decrypted view of an image that dislocker makes with the credential, for the whole
 * volume and, with SLOW=1, by each metadata copy alone; undefined where it refuses.
 */
async function decryptedHashes(
  image: string,
  credential: DislockerCredential,
): Promise<(string | undefined)[]> {
  const output = `${image}.plain`
  const hashes: (string | undefined)[] = []
  for (const copy of slow ? ([1, 2, 3] as const) : ([1] as const)) {
    const accepted = dislockerDecrypts(image, { ...credential, copy }, output)
    hashes.push(accepted ? await fileHash(output) : undefined)
    await rm(output, { force: true })
  }
  return hashes
}
