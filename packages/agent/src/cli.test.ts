/** The commands as a person meets them. Whole outputs are in golden/: a changed text is a diff. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCli } from './cli.ts'
import { AGENT_ERRORS } from './errors.ts'
import { createSamplePc } from './image/sample-pc.ts'
import { acquireProcessLock } from './process-lock.ts'
import { ContractService } from './testing/contract-service.ts'
import { normaliseGuids } from './testing/normalise-guids.ts'
import { TestClock } from './testing/test-agent.ts'
import { AGENT_VERSION } from './version.ts'

const service = new ContractService()
const clock = new TestClock(service.now)
let isUp = true
let root: string
let state: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'keydesk-cli-'))
  state = join(root, 'agent.state')
  await createSamplePc(join(root, 'pc'), { name: 'PC-ANNA', manufacturer: 'Contoso' })
  await writeFile(join(root, 'token'), 'keydesk_enroll_0123456789\n')
})
afterAll(() => rm(root, { recursive: true, force: true }))

interface Output {
  readonly exitCode: number
  readonly out: string
  readonly err: string
  /** Everything, as in a terminal. */
  readonly transcript: string
}

async function run(args: string[], stdin = ''): Promise<Output> {
  const written = { out: '', err: '' }
  const exitCode = await runCli(args, {
    out: (text) => void (written.out += text),
    err: (text) => void (written.err += text),
    stdin: () => Promise.resolve(stdin),
    deps: {
      clock,
      random: () => 0,
      fetch: (url, init) =>
        isUp ? service.fetch(url, init) : Promise.reject(new TypeError('fetch failed')),
    },
    signal: new AbortController().signal,
  })
  const command = args.join(' ').replaceAll(root, '/pcs')
  const streams = written.err === '' ? written.out : `${written.out}stderr: ${written.err}`
  const transcript = `$ keydesk-agent ${command}\n${streams}exit ${exitCode}\n`
  return { ...written, exitCode, transcript }
}

const enrolArgs = () =>
  ['enroll', '--server', service.origin, '--token-file', join(root, 'token')].concat([
    '--provider',
    'image',
    '--pc',
    join(root, 'pc'),
    '--state',
    state,
  ])

test('the life of a PC: enrolled, refused without the service, encrypted, rotated', async () => {
  const transcripts: string[] = []
  const step = async (...args: string[]) => {
    const output = await run([...args, '--state', state])
    transcripts.push(output.transcript)
    return output
  }
  transcripts.push((await run(enrolArgs())).transcript)
  await step('status')
  isUp = false
  expect(await step('encrypt')).toMatchObject({ exitCode: 3 })
  isUp = true
  expect(await step('check-in')).toMatchObject({ exitCode: 0 })
  expect(await step('status')).toMatchObject({ exitCode: 0 })
  const { volumes } = JSON.parse((await run(['status', '--json', '--state', state])).out) as {
    volumes: { volumeId: string; protectors: { id: string; type: string }[] }[]
  }
  const [volume] = volumes
  const old = volume!.protectors.find(({ type }) => type === 'recoveryPassword')!
  service.rotate(volume!.volumeId, old.id)
  expect(await step('check-in')).toMatchObject({ exitCode: 0 })
  expect(await step('check-in', '--json')).toMatchObject({ exitCode: 0 })
  await step('status')
  const transcript = normaliseGuids(transcripts.join('\n'), new Map())
  await expect(transcript).toMatchFileSnapshot('golden/life-of-a-pc.txt')
})

describe('a wrong use', () => {
  test.each([
    ['no command', [], 'Usage: keydesk-agent'],
    ['an unknown command', ['decrypt'], "unknown command 'decrypt'"],
    ['no state file', ['status'], "required option '--state <file>' not specified"],
    ['an unknown provider', ['enroll', '--provider', 'windows'], 'Allowed choices are image'],
  ])('(%s) ends with 2 and says what is right', async (_what, args, message) => {
    const { exitCode, out, err } = await run(args)
    expect(exitCode).toBe(2)
    expect(out + err).toContain(message)
  })

  test('(the token as an argument) is refused: other users could read it', async () => {
    const { exitCode, err } = await run([...enrolArgs(), '--token', 'keydesk_enroll_x'])
    expect(exitCode).toBe(2)
    expect(err).toContain("unknown option '--token'")
  })

  test('(plain http) is refused before the token is read', async () => {
    const args = enrolArgs().map((arg) => (arg === service.origin ? 'http://keydesk.example' : arg))
    const { exitCode, err } = await run(args)
    expect(exitCode).toBe(2)
    expect(err).toContain('plain http is for this machine only')
  })

  test.each([
    ['an empty input', '', 'Standard input holds no enrolment token'],
    ['another secret', 'keydesk_scim_abcdefgh', 'begins with keydesk_enroll_'],
  ])('(%s instead of a token) is refused without repeating it', async (_what, stdin, message) => {
    const args = enrolArgs().map((arg) => (arg === join(root, 'token') ? '-' : arg))
    const { exitCode, err } = await run(args, stdin)
    expect(exitCode).toBe(2)
    expect(err).toContain(message)
    expect(err).not.toContain('abcdefgh')
  })

  test('(a state file that is not there) says how to get one', async () => {
    const { exitCode, err } = await run(['check-in', '--state', join(root, 'none.state')])
    expect(exitCode).toBe(2)
    expect(err).toContain('keydesk-agent enroll')
    expect(err).toContain('[STATE_MISSING]')
  })

  test('(a state file in a folder that is not there) is refused with a sentence', async () => {
    const { exitCode, err } = await run(['check-in', '--state', join(root, 'none', 'x.state')])
    expect(exitCode).toBe(2)
    expect(err).toContain('is not there. [STATE_READ]')
  })

  test('(two agents on one state file) is refused', async () => {
    const lock = await acquireProcessLock(state)
    const { exitCode, err } = await run(['check-in', '--state', state])
    await lock.release()
    expect(exitCode).toBe(2)
    expect(err).toContain('[STATE_LOCKED]')
  })
})

test('no output and no stored file repeats the token', async () => {
  const { out, err } = await run(enrolArgs())
  expect(out + err).not.toContain('0123456789')
  expect(await readFile(state, 'utf8')).not.toContain('0123456789')
})

test('the help names every command and its options', async () => {
  const pages = []
  for (const command of [[], ['enroll'], ['check-in'], ['encrypt'], ['run'], ['status']]) {
    pages.push((await run([...command, '--help'])).out)
  }
  await expect(pages.join('\n')).toMatchFileSnapshot('golden/help.txt')
})

test('docs/agent.md lists every error code with its exit code, and no other', async () => {
  const page = await readFile(new URL('../../../docs/agent.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (\d) \|/gm)].map(([, code, exit]) => [
    code,
    Number(exit),
  ])
  expect(Object.fromEntries(rows)).toEqual(AGENT_ERRORS)
})

test('the version is that of the package', async () => {
  const manifest = await readFile(new URL('../package.json', import.meta.url), 'utf8')
  expect((JSON.parse(manifest) as { version: string }).version).toBe(AGENT_VERSION)
})
