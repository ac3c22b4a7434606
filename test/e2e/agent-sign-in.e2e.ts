/**
 * `keydesk-agent enroll --sign-in` against a whole service: the person who approves the code
 * becomes the owner of the PC, and nothing of the sign-in stays on it.
 */
import { readFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSamplePc } from '@keydesk/agent/sample-pc'
import type { DeviceOwnership } from '@keydesk/contract'
import { freePort } from '../../scripts/service-process.ts'
import {
  accessTokenOf,
  becomeFirstAdministrator,
  type FirstAdministrator,
} from '../../scripts/sign-in/first-administrator.ts'
import { DeviceCodeApprover } from '../support/approve-device-code.ts'
import {
  disposeServers,
  startServerProcess,
  temporaryDirectory,
  type ServerProcess,
} from '../support/server-process.ts'

const LAUNCHER = resolve(import.meta.dirname, '../../packages/agent/bin/keydesk-agent.js')

let origin: string
let server: ServerProcess
let administrator: FirstAdministrator
let approver: DeviceCodeApprover

beforeAll(async () => {
  const port = await freePort()
  origin = `http://127.0.0.1:${port}`
  const env = { KEYDESK_PORT: String(port), KEYDESK_ORIGIN: origin, KEYDESK_LOG_LEVEL: 'debug' }
  server = startServerProcess({ dataDir: join(temporaryDirectory(), 'data'), env })
  await server.ready()
  const setupLink = /http\S+\/welcome\/\S+/.exec(server.output())?.[0] ?? ''
  administrator = await becomeFirstAdministrator({ origin, setupLink })
  approver = new DeviceCodeApprover(origin, administrator)
}, 120_000)
afterAll(disposeServers)

async function newPc(): Promise<{ readonly pc: string; readonly state: string }> {
  const folder = temporaryDirectory()
  await createSamplePc(join(folder, 'pc'), { name: 'PC-ADA' })
  return { pc: join(folder, 'pc'), state: join(folder, 'agent.state') }
}

function startEnrolment({ pc, state }: { pc: string; state: string }) {
  const where = ['--server', origin, '--provider', 'image', '--pc', pc, '--state', state]
  const child = spawn(process.execPath, [LAUNCHER, 'enroll', '--sign-in', ...where, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const userCode = Promise.withResolvers<string>()
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
    const code = /enter the code\n\n {2}(\S+)\n/.exec(stderr)?.[1]
    if (code !== undefined) userCode.resolve(code)
  })
  const finished = new Promise<{ exitCode: number | null; stdout: string; stderr: string }>(
    (settle) => {
      child.on('close', (exitCode) => {
        settle({ exitCode, stdout, stderr })
        userCode.reject(new Error(`no code was shown: ${stderr}`))
      })
    },
  )
  userCode.promise.catch(() => undefined)
  return { finished, userCode: userCode.promise, kill: () => child.kill('SIGINT') }
}

test('the person who approves the code becomes the owner', async () => {
  const pc = await newPc()
  const enrolment = startEnrolment(pc)
  await approver.approve(await enrolment.userCode)
  const { exitCode, stdout, stderr } = await enrolment.finished
  expect({ exitCode, problem: stderr.includes('[') }).toEqual({ exitCode: 0, problem: false })
  const { deviceId } = JSON.parse(stdout) as { deviceId: string }
  const token = await accessTokenOf(administrator, origin)
  const response = await fetch(`${origin}/api/v1/devices/${deviceId}/owner`, {
    headers: { authorization: `Bearer ${token}` },
  })
  expect((await response.json()) as DeviceOwnership).toMatchObject({
    owner: { userPrincipalName: administrator.userPrincipalName },
    history: [{ cause: 'enrollment' }],
  })
  // JSON Web Tokens begin so; the state file and the log have none.
  expect(stdout + stderr).not.toMatch(/eyJ[\w-]+\.eyJ/)
  expect(readFileSync(pc.state, 'utf8')).not.toMatch(/eyJ[\w-]+\.eyJ/)
  expect(server.output()).not.toMatch(/eyJ[\w-]+\.eyJ/)
})

test('whoever refuses in the browser, or interrupts, enrols nothing', async () => {
  const pc = await newPc()
  const refused = startEnrolment(pc)
  await approver.deny(await refused.userCode)
  expect(await refused.finished).toMatchObject({ exitCode: 4, stdout: '' })
  expect((await refused.finished).stderr).toContain(
    'The sign-in was refused in the browser. [SIGN_IN_FAILED]\n',
  )
  const interrupted = startEnrolment(pc)
  await interrupted.userCode
  interrupted.kill()
  expect(await interrupted.finished).toMatchObject({ exitCode: 130, stdout: '' })
})
