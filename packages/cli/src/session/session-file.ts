/**
 * `sessions.json`: one sign-in for each service, and which one is used by default. It holds tokens,
 * so: a folder of mode 0700, a file of mode 0600, both of this user, or it is not read. Invariant:
 * the file is replaced as a whole, so a reader or a crash sees the old or the new one. Changes are
 * made under the lock of `file-lock.ts`.
 */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { lstat, mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CommandError } from '../command-error.ts'
import { SESSION_FILE_BYTES_MAX } from '../limits.ts'
import { syncFolder } from '../volume/sync-folder.ts'
import { withFileLock } from './file-lock.ts'

export interface Session {
  readonly issuer: string
  readonly clientId: string
  /** Sent with every token request, where the issuer wants it. */
  readonly resource?: string
  readonly accessToken: string
  /** RFC 3339; when the access token ends. */
  readonly expiresAt: string
  readonly refreshToken?: string
  readonly signedInAt: string
}

export interface Sessions {
  readonly version: 1
  /** Origin of the service that the last `keydesk login` was for. */
  readonly current?: string
  readonly services: Readonly<Record<string, Session>>
}

const NAME = 'sessions.json'
const NO_SESSIONS: Sessions = { version: 1, services: {} }

/** No file: no sign-ins. Throws CommandError SESSION_FILE. */
export async function readSessions(folder: string): Promise<Sessions> {
  const path = join(folder, NAME)
  const text = await readPrivately(folder, path)
  if (text === undefined) return NO_SESSIONS
  const sessions = parse(text)
  if (sessions === undefined) {
    throw new CommandError(
      'SESSION_FILE',
      `${path} is damaged or of another version: delete it and sign in again with "keydesk login"`,
    )
  }
  return sessions
}

/**
 * Reads, changes and writes the file while no other command can. `change` may take its time, such
 * as for a request; if it throws, nothing is written.
 */
export async function updateSessions<T>(
  folder: string,
  change: (sessions: Sessions) => Promise<{ readonly sessions: Sessions; readonly result: T }>,
): Promise<T> {
  await makeFolder(folder)
  return await withFileLock(join(folder, 'sessions.lock'), async () => {
    const before = await readSessions(folder)
    const { sessions, result } = await change(before)
    if (sessions !== before) await write(folder, sessions)
    return result
  })
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new CommandError('SESSION_FILE', `${folder} cannot be made (${codeOf(cause)})`, { cause })
  }
}

async function readPrivately(folder: string, path: string): Promise<string | undefined> {
  try {
    checkPrivate(folder, await lstat(folder), '700')
    // A link could lead to a file that others write.
    await using handle = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
    const stat = await handle.stat()
    checkPrivate(path, stat, '600')
    if (stat.size > SESSION_FILE_BYTES_MAX) throw new CommandError('SESSION_FILE', tooLarge(path))
    return await handle.readFile('utf8')
  } catch (cause) {
    if (cause instanceof CommandError) throw cause
    const code = codeOf(cause)
    if (code === 'ENOENT') return undefined
    throw new CommandError('SESSION_FILE', `${path} cannot be read (${code})`, { cause })
  }
}

/** Windows keeps a user's own folder from other users; modes mean nothing there. */
function checkPrivate(
  path: string,
  stat: { readonly mode: number; readonly uid: number },
  wanted: string,
): void {
  if (process.platform === 'win32') return
  if (stat.uid !== process.getuid?.()) {
    throw new CommandError('SESSION_FILE', `${path} belongs to another user and is not used`)
  }
  if ((stat.mode & 0o077) !== 0) {
    const mode = (stat.mode & 0o777).toString(8)
    throw new CommandError(
      'SESSION_FILE',
      `${path} can be used by others (mode ${mode}) and is not trusted: "chmod ${wanted}" it if ` +
        'you know that nobody did, or delete it and sign in again',
    )
  }
}

async function write(folder: string, sessions: Sessions): Promise<void> {
  const path = join(folder, NAME)
  const draft = join(folder, `${NAME}.${randomBytes(8).toString('hex')}.new`)
  try {
    {
      await using handle = await open(draft, 'wx', 0o600)
      await handle.writeFile(`${JSON.stringify(sessions, undefined, 2)}\n`)
      await handle.sync()
    }
    await rename(draft, path)
    await syncFolder(folder)
  } catch (cause) {
    await rm(draft, { force: true })
    throw new CommandError('SESSION_FILE', `${path} cannot be written (${codeOf(cause)})`, {
      cause,
    })
  }
}

function parse(text: string): Sessions | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isObject(value) || value['version'] !== 1 || !isObject(value['services'])) return undefined
  const { current, services } = value
  if (current !== undefined && typeof current !== 'string') return undefined
  return Object.values(services).every(isSession) ? (value as unknown as Sessions) : undefined
}

function isSession(value: unknown): boolean {
  if (!isObject(value)) return false
  const required = ['issuer', 'clientId', 'accessToken', 'expiresAt', 'signedInAt']
  const optional = ['resource', 'refreshToken']
  return (
    required.every((name) => typeof value[name] === 'string') &&
    optional.every((name) => value[name] === undefined || typeof value[name] === 'string')
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function tooLarge(path: string): string {
  return `${path} is larger than such a file can be: delete it and sign in again`
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason'
}
