/**
 * `keydesk …` as its golden command files have it (packages/cli/golden). After a wanted
 * change, `npx vitest run --project e2e volume-commands -u` writes them anew; the diff is the review.
 */
import {
  copyFile,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { describe, test } from 'vitest'
import { writeMbrDisk } from './volume-disk-image.ts'
import { pathIn, replay, type Step } from './volume-transcript.ts'

const GOLDEN = resolve(import.meta.dirname, '../../packages/cli/golden')

const STEPS: Readonly<Record<string, Step>> = {
  /** write FILE TEXT… */
  async write(folder, [file, ...words]) {
    await writeFile(pathIn(folder, file), `${words.join(' ')}\n`)
    return undefined
  },
  /** zeros FILE BYTES */
  async zeros(folder, [file, bytes]) {
    await using handle = await open(pathIn(folder, file), 'w')
    await handle.truncate(Number(bytes))
    return undefined
  },
  async copy(folder, [from, to]) {
    await copyFile(pathIn(folder, from), pathIn(folder, to))
    return undefined
  },
  /** damage FILE OFFSET: flips every bit of 16 bytes. */
  async damage(folder, [file, offset]) {
    await using handle = await open(pathIn(folder, file), 'r+')
    const bytes = Buffer.alloc(16)
    await handle.read(bytes, 0, 16, Number(offset))
    await handle.write(
      bytes.map((byte) => byte ^ 0xff),
      0,
      16,
      Number(offset),
    )
    return undefined
  },
  /** disk FILE IMAGE…: an MBR disk with these images as partitions. */
  async disk(folder, [file, ...images]) {
    await writeMbrDisk(
      pathIn(folder, file),
      images.map((image) => pathIn(folder, image)),
    )
    return undefined
  },
  /** keep-session: a sign-in at a service that is not there. */
  async 'keep-session'(folder) {
    const place = pathIn(folder, 'keydesk')
    await mkdir(place, { recursive: true, mode: 0o700 })
    const session = {
      issuer: 'http://127.0.0.1:65535/oidc',
      clientId: 'keydesk-cli',
      accessToken: 'access-token',
      expiresAt: '2026-01-01T00:00:00.000Z',
      refreshToken: 'refresh-token',
      signedInAt: '2026-01-01T00:00:00.000Z',
    }
    const server = 'http://127.0.0.1:65535'
    const sessions = { version: 1, current: server, services: { [server]: session } }
    const file = join(place, 'sessions.json')
    await writeFile(file, JSON.stringify(sessions), { mode: 0o600 })
    return undefined
  },
  /** list: names, modes and sizes of everything there is. */
  async list(folder) {
    const names = (await readdir(folder)).sort()
    const rows = names.map(async (name) => {
      const { mode, size } = await stat(pathIn(folder, name))
      return `${name} ${(mode & 0o777).toString(8)} ${size}\n`
    })
    return (await Promise.all(rows)).join('')
  },
}

describe('golden commands', () => {
  const files = readdirSync(GOLDEN).filter((name) => name.endsWith('.txt'))
  test.concurrent.for(files)('%s', async (name, { expect }) => {
    const file = join(GOLDEN, name)
    const folder = await mkdtemp(join(tmpdir(), `keydesk-${basename(name, '.txt')}-`))
    try {
      const now = await replay(await readFile(file, 'utf8'), folder, STEPS)
      await expect(now).toMatchFileSnapshot(file)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
