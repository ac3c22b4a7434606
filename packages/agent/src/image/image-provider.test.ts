/** Real BitLocker volumes. Each recovery password costs a key derivation, so steps share a PC. */
import { parseRecoveryPassword } from '@keydesk/bitlocker'
import { openVolumeFile, unlockVolume } from '@keydesk/bitlocker/volume'
import { spawnSync } from 'node:child_process'
import { copyFile, cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ProviderVolume } from '../volume-provider.ts'
import { imageProvider } from './image-provider.ts'
import { createSamplePc } from './sample-pc.ts'
import type { MadeSamplePc } from './sample-pc.ts'

const METHOD = { encryptionMethod: 'xts-aes-128' } as const
const cryptsetup = spawnSync('cryptsetup', ['--version']).error === undefined

let root: string
let plain: MadeSamplePc
let encrypted: MadeSamplePc
let password: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'keydesk-pc-'))
  plain = await createSamplePc(join(root, 'plain'), { name: 'PC-PLAIN' })
  encrypted = await createSamplePc(join(root, 'encrypted'), {
    name: 'PC-ANNA',
    manufacturer: 'Contoso',
    volumes: [{ type: 'fixed', mountPoint: 'D:', sizeBytes: 9 * 1024 * 1024 }],
  })
  const provider = imageProvider(encrypted.directory)
  await provider.addRecoveryPassword(encrypted.volumes[0]!.id)
  const prepared = await readFile(join(encrypted.directory, 'd.prepared.json'), 'utf8')
  password = /\d{6}(-\d{6}){7}/.exec(prepared)![0]
  await provider.encrypt(encrypted.volumes[0]!.id, METHOD)
})
afterAll(() => rm(root, { recursive: true, force: true }))

/** A copy, for tests that change it. */
async function copyOf(pc: MadeSamplePc): Promise<MadeSamplePc> {
  const directory = await mkdtemp(join(root, 'copy-'))
  await cp(pc.directory, directory, { recursive: true })
  const move = (path: string) => path.replace(pc.directory, directory)
  const volumes = pc.volumes.map((volume) => ({
    ...volume,
    image: move(volume.image),
    startupKey: move(volume.startupKey),
  }))
  return { directory, volumes }
}

const idOf = (pc: MadeSamplePc) => pc.volumes[0]!.id
const typesOf = (volume?: ProviderVolume) => volume?.protectors?.map(({ type }) => type)

async function only(pc: MadeSamplePc): Promise<ProviderVolume> {
  const volumes = await imageProvider(pc.directory).listVolumes()
  expect(volumes).toHaveLength(1)
  return volumes[0]!
}

describe('a plain volume', () => {
  test('is fully decrypted and has no protector', async () => {
    expect(await only(plain)).toEqual({
      id: idOf(plain),
      type: 'operatingSystem',
      mountPoint: 'C:',
      status: 'fullyDecrypted',
      protection: 'off',
      lock: 'unlocked',
      protectors: [],
    })
  })

  test('keeps prepared passwords beside it, in a file for its owner only', async () => {
    const pc = await copyOf(plain)
    const provider = imageProvider(pc.directory)
    const { protectorId } = await provider.addRecoveryPassword(idOf(pc))
    const other = await provider.addRecoveryPassword(idOf(pc))
    expect((await only(pc)).protectors).toEqual([
      { id: protectorId, type: 'recoveryPassword' },
      { id: other.protectorId, type: 'recoveryPassword' },
    ])
    await provider.removeRecoveryPassword({ volumeId: idOf(pc), ...other })
    await provider.removeRecoveryPassword({ volumeId: idOf(pc), ...other })
    const name = { volumeId: idOf(pc), protectorId }
    expect(await provider.readRecoveryKey(name)).toHaveLength(16)
    await provider.removeRecoveryPassword(name)
    expect(await readdir(pc.directory)).toEqual(['os.img', 'pc.json'])
  })

  test('is not encrypted without a recovery password', async () => {
    const encrypt = imageProvider(plain.directory).encrypt(idOf(plain), METHOD)
    await expect(encrypt).rejects.toMatchObject({ code: 'NO_RECOVERY_PASSWORD' })
    await expect(encrypt).rejects.toThrow('C: has no recovery password')
  })

  test('with a damaged side file is an error that quotes none of it', async () => {
    const pc = await copyOf(plain)
    await writeFile(join(pc.directory, 'os.prepared.json'), `[{"recoveryPassword":"${password}"`)
    expect((await only(pc)).protectors).toBeNull()
    const add = imageProvider(pc.directory).addRecoveryPassword(idOf(pc))
    await expect(add).rejects.toMatchObject({ code: 'DEVICE_FAILED' })
    await expect(add).rejects.not.toThrow(/\d{6}-/)
  })
})

describe('the encryption', () => {
  test('makes a volume with exactly the prepared password and the startup key', async () => {
    const volume = await only(encrypted)
    expect(volume).toMatchObject({
      status: 'fullyEncrypted',
      protection: 'on',
      lock: 'unlocked',
      encryptionMethod: 'xts-aes-128',
    })
    expect(typesOf(volume)?.toSorted()).toEqual(['recoveryPassword', 'startupKey'])
    expect((await readdir(encrypted.directory)).toSorted()).toEqual(['d.BEK', 'd.img', 'pc.json'])
  })

  test('leaves a volume that the prepared password opens', async () => {
    await using file = await openVolumeFile(encrypted.volumes[0]!.image, { access: 'read' })
    const recoveryKey = parseRecoveryPassword(password)
    const unlocked = await unlockVolume(file, { type: 'recoveryPassword', recoveryKey })
    expect(unlocked?.volumeId).toBe(idOf(encrypted))
    unlocked?.dispose()
  })

  test.skipIf(!cryptsetup)('cryptsetup opens it too (skipped where it is absent)', () => {
    const args = ['open', '--type', 'bitlk', '--test-passphrase', '-r', encrypted.volumes[0]!.image]
    const { status, stderr } = spawnSync('cryptsetup', args, { input: password, encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  test('of an encrypted volume is a no-op', async () => {
    const before = await readFile(encrypted.volumes[0]!.image)
    await imageProvider(encrypted.directory).encrypt(idOf(encrypted), METHOD)
    expect(before.equals(await readFile(encrypted.volumes[0]!.image))).toBe(true)
  })

  test('that was cut off before the rename leaves the plain volume, and starts again', async () => {
    const pc = await copyOf(plain)
    const provider = imageProvider(pc.directory)
    await provider.addRecoveryPassword(idOf(pc))
    // What a crash leaves: half a volume under its own name, and a startup key that opens nothing.
    await writeFile(`${pc.volumes[0]!.image}.encrypting`, 'half')
    await copyFile(encrypted.volumes[0]!.startupKey, pc.volumes[0]!.startupKey)
    expect((await only(pc)).status).toBe('fullyDecrypted')
    await provider.encrypt(idOf(pc), METHOD)
    expect(await only(pc)).toMatchObject({ status: 'fullyEncrypted', lock: 'unlocked' })
  })

  test('that was cut off after the rename is complete: what was prepared goes', async () => {
    const pc = await copyOf(encrypted)
    const stale = join(pc.directory, 'd.prepared.json')
    const protectorId = '00000000-0000-4000-8000-000000000000'
    await writeFile(stale, JSON.stringify([{ protectorId, recoveryPassword: password }]))
    const volume = await only(pc)
    expect(typesOf(volume)).toHaveLength(2)
    expect(volume.protectors?.map(({ id }) => id)).not.toContain(protectorId)
    const read = imageProvider(pc.directory).readRecoveryKey({ volumeId: idOf(pc), protectorId })
    await expect(read).rejects.toMatchObject({ code: 'PROTECTOR_NOT_FOUND' })
    expect(await readdir(pc.directory)).not.toContain('d.prepared.json')
  })
})

describe('a recovery password on the disk', () => {
  test('is added, read back and removed; the startup key stays', async () => {
    const pc = await copyOf(encrypted)
    const provider = imageProvider(pc.directory)
    const volumeId = idOf(pc)
    const old = (await only(pc)).protectors!.find(({ type }) => type === 'recoveryPassword')!
    expect(old.entry?.length).toBeGreaterThan(200)
    const { protectorId } = await provider.addRecoveryPassword(volumeId)
    expect(await provider.readRecoveryKey({ volumeId, protectorId })).toHaveLength(16)
    await provider.removeRecoveryPassword({ volumeId, protectorId: old.id })
    await provider.removeRecoveryPassword({ volumeId, protectorId: old.id })
    const after = await only(pc)
    expect(typesOf(after)?.toSorted()).toEqual(['recoveryPassword', 'startupKey'])
    expect(after.protectors?.map(({ id }) => id)).not.toContain(old.id)
    const last = provider.removeRecoveryPassword({ volumeId, protectorId })
    await expect(last).rejects.toMatchObject({ code: 'LAST_PROTECTOR' })
  })

  test('is the only thing that can be removed', async () => {
    const provider = imageProvider(encrypted.directory)
    const startupKey = (await only(encrypted)).protectors!.find(
      ({ type }) => type === 'startupKey',
    )!
    const name = { volumeId: idOf(encrypted), protectorId: startupKey.id }
    const remove = provider.removeRecoveryPassword(name)
    await expect(remove).rejects.toMatchObject({ code: 'NOT_A_RECOVERY_PASSWORD' })
    await expect(provider.readRecoveryKey(name)).rejects.toMatchObject({
      code: 'PROTECTOR_NOT_FOUND',
    })
  })
})

describe('a volume that cannot be used', () => {
  test('is locked without its startup key: listed, not read, not changed', async () => {
    const pc = await copyOf(encrypted)
    const { startupKey } = pc.volumes[0]!
    await rename(startupKey, `${startupKey}.away`)
    const volume = await only(pc)
    expect(volume).toMatchObject({ lock: 'locked', status: 'unknown', protection: 'unknown' })
    expect(volume.protectors).toHaveLength(2)
    const add = imageProvider(pc.directory).addRecoveryPassword(idOf(pc))
    await expect(add).rejects.toMatchObject({ code: 'VOLUME_LOCKED' })
    await expect(add).rejects.toThrow('D: is locked')
  })

  test('is unknown, with a list that proves nothing, when its image is gone', async () => {
    const pc = await copyOf(encrypted)
    await rm(pc.volumes[0]!.image)
    expect(await only(pc)).toMatchObject({ status: 'unknown', protectors: null })
  })

  test('is not found under another GUID', async () => {
    const volumeId = '00000000-0000-4000-8000-000000000000'
    const add = imageProvider(plain.directory).addRecoveryPassword(volumeId)
    await expect(add).rejects.toMatchObject({ code: 'VOLUME_NOT_FOUND' })
  })
})

test('a folder that holds a PC is never made into another one', async () => {
  const again = createSamplePc(plain.directory, { name: 'PC-OTHER' })
  await expect(again).rejects.toThrow('is there already')
  const { name } = await imageProvider(plain.directory).describeDevice()
  expect(name).toBe('PC-PLAIN')
})
