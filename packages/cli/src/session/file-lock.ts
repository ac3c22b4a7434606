/**
 * One command at a time changes the sign-ins: two that renew the same refresh token would look like
 * a thief to the issuer, which then ends the sign-in. The lock is a file that only one process can
 * make; one that a crash left is taken over when it is older than any holder can be.
 */
import { randomBytes } from 'node:crypto'
import { link, open, rename, rm, stat } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { CommandError } from '../command-error.ts'
import { SESSION_LOCK_STALE_MS, SESSION_LOCK_WAIT_MS } from '../limits.ts'

const POLL_MS = 25

/** Waits for its turn. Throws CommandError SESSION_FILE when that takes too long. */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  await acquire(path)
  try {
    return await work()
  } finally {
    await rm(path, { force: true })
  }
}

async function acquire(path: string): Promise<void> {
  const deadline = performance.now() + SESSION_LOCK_WAIT_MS
  while (!(await tryToMake(path))) {
    if (await isStale(path)) {
      await takeOver(path)
      continue
    }
    if (performance.now() > deadline) {
      throw new CommandError(
        'SESSION_FILE',
        `Another keydesk command holds ${path}: let it end, or delete that file if there is none`,
      )
    }
    await pause(POLL_MS)
  }
}

async function tryToMake(path: string): Promise<boolean> {
  try {
    const handle = await open(path, 'wx', 0o600)
    await handle.close()
    return true
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason'
    if (code === 'EEXIST') return false
    throw new CommandError('SESSION_FILE', `${path} cannot be made (${code})`, { cause })
  }
}

async function isStale(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found !== undefined && Date.now() - found.mtimeMs > SESSION_LOCK_STALE_MS
}

/**
 * Moves the lock aside and looks at it again: if it is a fresh one that another command made in
 * between, it goes back to its place.
 */
async function takeOver(path: string): Promise<void> {
  const aside = `${path}.${randomBytes(8).toString('hex')}`
  try {
    await rename(path, aside)
  } catch {
    return
  }
  if (!(await isStale(aside))) await link(aside, path).catch(() => undefined)
  await rm(aside, { force: true })
}
