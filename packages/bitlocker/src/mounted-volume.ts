/**
 * Does this machine have the volume mounted or mapped? It must not be changed underneath a driver.
 * Source of truth: Linux's /proc/self/mountinfo, /proc/mounts, /sys/block and /sys/dev/block. What
 * cannot be read there is no proof of anything; the lock of volume-file.ts applies besides. Other
 * systems have no such check, and a FUSE program that holds an image open (dislocker-fuse) shows in
 * none of these places.
 */
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Where Linux tells; tests give another root. */
export interface SystemRoots {
  readonly proc: string
  readonly sys: string
}

const SYSTEM: SystemRoots = { proc: '/proc', sys: '/sys' }
const KERNEL_SECTOR = 512

/** A sentence that says who uses these bytes of a file or block device, or undefined. */
export async function usedBy(
  path: string,
  range: { offset: number; size: number },
  roots: SystemRoots = SYSTEM,
): Promise<string | undefined> {
  const real = await realpath(path)
  const found = await stat(real, { bigint: true })
  if (!found.isBlockDevice()) {
    return (await mountOf(real, undefined, roots)) ?? (await loopDeviceOf(real, roots))
  }
  const device = deviceNumber(found.rdev)
  const own = (await mountOf(real, device, roots)) ?? (await holderOf(device, roots))
  return own ?? (await partitionInUse(device, range, roots))
}

/** `major:minor`, as sysfs and mountinfo write it. */
export function deviceNumber(rdev: bigint): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn)
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & ~0xffn)
  return `${major}:${minor}`
}

async function mountOf(
  source: string | undefined,
  device: string | undefined,
  roots: SystemRoots,
): Promise<string | undefined> {
  for (const line of await linesOf(join(roots.proc, 'self/mountinfo'))) {
    const [before = '', after = ''] = line.split(' - ')
    const [, , number, , mountPoint] = before.split(' ')
    const mounted = after.split(' ')[1]
    if (mountPoint === undefined || mounted === undefined) continue
    if (number === device || unescaped(mounted) === source) {
      return `it is mounted at ${unescaped(mountPoint)}`
    }
  }
  for (const line of await linesOf(join(roots.proc, 'mounts'))) {
    const [mounted, mountPoint] = line.split(' ')
    if (mounted === undefined || mountPoint === undefined) continue
    if (unescaped(mounted) === source) return `it is mounted at ${unescaped(mountPoint)}`
  }
  return undefined
}

/**
 * A loop device on an image file counts, mounted or not: its page cache would not see what is
 * written here.
 */
async function loopDeviceOf(file: string, roots: SystemRoots): Promise<string | undefined> {
  for (const name of await namesIn(join(roots.sys, 'block'))) {
    if (!name.startsWith('loop')) continue
    const [backing] = await linesOf(join(roots.sys, 'block', name, 'loop/backing_file'))
    if (backing === file) return `it is attached as /dev/${name}`
  }
  return undefined
}

/** Device-mapper, RAID and the like. */
async function holderOf(device: string, roots: SystemRoots): Promise<string | undefined> {
  const [holder] = await namesIn(join(roots.sys, 'dev/block', device, 'holders'))
  return holder === undefined ? undefined : `it is mapped by /dev/${holder}`
}

async function partitionInUse(
  disk: string,
  range: { offset: number; size: number },
  roots: SystemRoots,
): Promise<string | undefined> {
  const folder = join(roots.sys, 'dev/block', disk)
  for (const name of await namesIn(folder)) {
    const partition = join(folder, name)
    const [number] = await linesOf(join(partition, 'partition'))
    const [device] = await linesOf(join(partition, 'dev'))
    if (number === undefined || device === undefined) continue
    const [start] = await linesOf(join(partition, 'start'))
    const [size] = await linesOf(join(partition, 'size'))
    const first = Number(start) * KERNEL_SECTOR
    const end = first + Number(size) * KERNEL_SECTOR
    if (first >= range.offset + range.size || end <= range.offset) continue
    const use = (await mountOf(`/dev/${name}`, device, roots)) ?? (await holderOf(device, roots))
    if (use !== undefined) return use
  }
  return undefined
}

async function linesOf(path: string): Promise<string[]> {
  try {
    const text = await readFile(path, 'utf8')
    return text.split('\n').filter((line) => line !== '')
  } catch {
    return []
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch {
    return []
  }
}

/** mountinfo writes blanks and the like as three octal digits. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  )
}
