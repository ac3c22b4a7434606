import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, test } from 'vitest'

import { createVolume } from './create-volume.ts'
import { usedBy } from './mounted-volume.ts'
import { readVolume } from './read-volume.ts'
import { createVolumeFile, openVolumeFile } from './volume-file.ts'
import { lockFailure } from './volume-lock.ts'

const folder = mkdtempSync(join(tmpdir(), 'keydesk-file-'))
afterAll(() => rmSync(folder, { recursive: true }))
let names = 0
const fresh = () => join(folder, `volume-${names++}.img`)

describe('volume files', () => {
  test('a created file is readable for its owner only, and holds a volume', async () => {
    const path = fresh()
    await using file = await createVolumeFile(path, 1_048_576)
    const { volumeId } = await createVolume(file)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    await using again = await openVolumeFile(path, { access: 'read' })
    expect(again.size).toBe(1_048_576)
    expect((await readVolume(again)).volumeId).toBe(volumeId)
  })

  test('an existing file is never overwritten', async () => {
    const path = fresh()
    writeFileSync(path, 'precious')
    await expect(createVolumeFile(path, 1_048_576)).rejects.toMatchObject({
      code: 'VOLUME_IO',
      message: `${path} exists already; it is not overwritten`,
    })
    expect(readFileSync(path, 'utf8')).toBe('precious')
  })

  test('a missing file is said to be missing', async () => {
    const path = fresh()
    await expect(openVolumeFile(path, { access: 'read' })).rejects.toMatchObject({
      code: 'VOLUME_IO',
      message: `${path} does not exist`,
    })
  })

  test('a part of a file is a volume of its own, and its bounds hold', async () => {
    const path = fresh()
    writeFileSync(
      path,
      Uint8Array.from({ length: 4096 }, (_, at) => at >> 4),
    )
    await using part = await openVolumeFile(path, { access: 'write', offset: 512, size: 1024 })
    expect(part.size).toBe(1024)
    expect(Array.from(await part.read(0, 2))).toEqual([32, 32])
    await part.write(1022, Uint8Array.of(7, 7))
    await part.sync()
    const outside = { code: 'VOLUME_IO' }
    await expect(part.read(1023, 2)).rejects.toMatchObject(outside)
    await expect(part.write(1023, Uint8Array.of(1, 1))).rejects.toMatchObject(outside)
    await expect(part.write(-1, Uint8Array.of(1))).rejects.toMatchObject(outside)
    const whole = readFileSync(path)
    expect(Array.from(whole.subarray(1533, 1537))).toEqual([95, 7, 7, 96])
    const beyond = openVolumeFile(path, { access: 'read', offset: 512, size: 4096 })
    await expect(beyond).rejects.toMatchObject({ code: 'VOLUME_OPTION' })
  })

  test('a folder is no volume', async () => {
    await expect(openVolumeFile(folder, { access: 'read' })).rejects.toMatchObject({
      code: 'VOLUME_IO',
      message: 'This is neither a file nor a block device',
    })
  })
})

const haveLock = process.platform === 'linux'
if (!haveLock) process.stderr.write('SKIP: the lock of volume files is tried on Linux only\n')

describe.skipIf(!haveLock)('one writer at a time', () => {
  test('a second writer is refused, readers are not, and closing frees it', async () => {
    const path = fresh()
    writeFileSync(path, new Uint8Array(4096))
    const first = await openVolumeFile(path, { access: 'write' })
    await expect(openVolumeFile(path, { access: 'write' })).rejects.toMatchObject({
      code: 'VOLUME_IN_USE',
      message: 'Another Keydesk process is changing this volume',
    })
    await using reader = await openVolumeFile(path, { access: 'read' })
    expect(reader.size).toBe(4096)
    await first.close()
    await first.close()
    await using second = await openVolumeFile(path, { access: 'write' })
    expect(second.size).toBe(4096)
  })

  test('a killed process leaves no lock behind', async () => {
    const path = fresh()
    writeFileSync(path, new Uint8Array(4096))
    const script = `
      import { openVolumeFile } from ${JSON.stringify(join(import.meta.dirname, 'volume-file.ts'))}
      const file = await openVolumeFile(${JSON.stringify(path)}, { access: 'write' })
      console.log('locked')
      setInterval(() => file.size, 1000)`
    const holder = spawn(process.execPath, ['--input-type=module', '-e', script])
    await once(holder.stdout, 'data')
    const refused = openVolumeFile(path, { access: 'write' })
    await expect(refused).rejects.toMatchObject({ code: 'VOLUME_IN_USE' })
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    await using file = await openVolumeFile(path, { access: 'write' })
    expect(file.size).toBe(4096)
  })
})

test.each([
  ['EADDRINUSE', 'VOLUME_IN_USE', 'Another Keydesk process is changing this volume'],
  ['EMFILE', 'VOLUME_IO', 'The volume cannot be locked for writing (EMFILE)'],
  ['EACCES', 'VOLUME_IO', 'The volume cannot be locked for writing (EACCES)'],
])('a lock that fails with %s is %s', (cause, code, message) => {
  const error = Object.assign(new Error(cause), { code: cause })
  expect(lockFailure(error)).toMatchObject({ code, message, cause: error })
})

describe('volumes that the machine uses', () => {
  const range = { offset: 0, size: 4096 }
  const machine = () => {
    const root = mkdtempSync(join(folder, 'machine-'))
    const roots = { proc: join(root, 'proc'), sys: join(root, 'sys') }
    const write = (path: string, text: string) => {
      mkdirSync(join(root, path, '..'), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    return { roots, write }
  }
  const image = fresh()
  writeFileSync(image, new Uint8Array(4096))

  test('nobody', async () => {
    expect(await usedBy(image, range, machine().roots)).toBeUndefined()
    expect(await usedBy(image, range)).toBeUndefined()
  })

  test('a loop device on the image', async () => {
    const { roots, write } = machine()
    write('sys/block/loop7/loop/backing_file', `${image}\n`)
    write('sys/block/loop8/loop/backing_file', '/elsewhere.img\n')
    expect(await usedBy(image, range, roots)).toBe('it is attached as /dev/loop7')
  })

  test('a mount whose source is the image', async () => {
    const { roots, write } = machine()
    const line = `36 35 0:43 / /mnt/a\\040b rw - fuse ${image} rw\n`
    write('proc/self/mountinfo', line)
    expect(await usedBy(image, range, roots)).toBe('it is mounted at /mnt/a b')
  })

  test('an old /proc/mounts only', async () => {
    const { roots, write } = machine()
    write('proc/mounts', `${image} /mnt/old ext4 rw 0 0\n`)
    expect(await usedBy(image, range, roots)).toBe('it is mounted at /mnt/old')
  })

  const disk = ['/dev/vda', '/dev/sda', '/dev/nvme0n1', '/dev/loop0'].find((path) => {
    return existsSync(path) && statSync(path).isBlockDevice()
  })
  if (disk === undefined) {
    process.stderr.write('SKIP: no block device is visible, so usedBy is not tried on one\n')
  }
  const device = () => {
    const { rdev } = statSync(disk!, { bigint: true })
    return `${(rdev >> 8n) & 0xfffn}:${rdev & 0xffn}`
  }

  test.skipIf(disk === undefined)(
    'a block device: mounted, mapped, or a partition of it',
    async () => {
      const mounted = machine()
      mounted.write('proc/self/mountinfo', `36 35 ${device()} / /data rw - ext4 /dev/x rw\n`)
      expect(await usedBy(disk!, range, mounted.roots)).toBe('it is mounted at /data')

      const mapped = machine()
      mapped.write(`sys/dev/block/${device()}/holders/dm-3`, '')
      expect(await usedBy(disk!, range, mapped.roots)).toBe('it is mapped by /dev/dm-3')

      const partitioned = machine()
      const partition = `sys/dev/block/${device()}/vda1`
      partitioned.write(`${partition}/partition`, '1\n')
      partitioned.write(`${partition}/dev`, '253:99\n')
      partitioned.write(`${partition}/start`, '8\n')
      partitioned.write(`${partition}/size`, '8\n')
      partitioned.write('proc/self/mountinfo', '36 35 253:99 / /boot rw - ext4 /dev/x rw\n')
      const inside = { offset: 4096, size: 4096 }
      const outside = { offset: 8192, size: 4096 }
      expect(await usedBy(disk!, inside, partitioned.roots)).toBe('it is mounted at /boot')
      expect(await usedBy(disk!, outside, partitioned.roots)).toBeUndefined()
    },
  )
})
