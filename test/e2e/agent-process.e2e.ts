/**
 * `keydesk-agent` as processes of its own, ended by SIGKILL wherever they happen to be: what the
 * fault table calls the end of the process, for real.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stateStorage } from '@keydesk/agent'
import { createSamplePc } from '@keydesk/agent/sample-pc'
import { AgentService } from '../support/agent-service.ts'
import { readDisk, receiptsThatHold } from '../support/agent-disk.ts'
import { disposeServers, temporaryDirectory } from '../support/server-process.ts'

const isSlow = process.env['SLOW'] === '1'
const LAUNCHER = join(import.meta.dirname, '../../packages/agent/bin/keydesk-agent.js')

let service: AgentService
beforeAll(async () => {
  service = await AgentService.start({ origin: 'own' })
})
afterAll(disposeServers)

interface Finished {
  readonly exitCode: number | null
  readonly output: string
}

class PcProcess {
  readonly directory: string
  readonly storage
  deviceId = ''

  constructor(directory: string) {
    this.directory = directory
    this.storage = stateStorage(join(directory, 'agent.state'))
  }

  static async create(): Promise<PcProcess> {
    const pc = new PcProcess(join(temporaryDirectory(), 'pc'))
    await createSamplePc(pc.directory, { name: 'PC-PROCESS' })
    return pc
  }

  spawn(command: string, ...more: readonly string[]) {
    const args = [LAUNCHER, command, '--state', this.storage.path, ...more]
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const finished = once(child, 'close').then(([exitCode]): Finished => ({
      exitCode: exitCode as number | null,
      output,
    }))
    return { child, finished, output: () => output }
  }

  async run(command: string, ...more: readonly string[]): Promise<Finished> {
    return await this.spawn(command, ...more).finished
  }

  async enroll(): Promise<void> {
    const where = ['--server', service.origin, '--provider', 'image', '--pc', this.directory]
    const { child, finished } = this.spawn('enroll', ...where, '--token-file', '-', '--json')
    child.stdin.end(`${service.enrollmentToken}\n`)
    const { exitCode, output } = await finished
    assert.equal(exitCode, 0, output)
    assert.ok(!output.includes(service.enrollmentToken), 'the token is repeated')
    this.deviceId = (JSON.parse(output) as { deviceId: string }).deviceId
  }

  /** `check-in`, killed after that time. False when it was faster than the axe. */
  async killedAfter(ms: number): Promise<boolean> {
    const { child, finished } = this.spawn('check-in')
    await Promise.race([sleep(ms), finished])
    child.kill('SIGKILL')
    return (await finished).exitCode === null
  }

  /** Throws when nobody could unlock the disk with what the service has. */
  async passwordsOnDisk(): Promise<string[]> {
    const disk = await readDisk(this.directory)
    const receipts = await receiptsThatHold(disk, this.storage)
    assert.ok(disk.isPlain || receipts.length > 0, 'no recovery password has a receipt')
    return [...disk.passwords.keys()]
  }
}

/** Moments in the life of a check-in process, later and later, until one is faster than the axe. */
async function killOverAndOver(pc: PcProcess, stepMs: number): Promise<number> {
  let kills = 0
  for (let ms = stepMs; await pc.killedAfter(ms); ms += stepMs) {
    kills++
    await pc.passwordsOnDisk()
  }
  return kills
}

describe('keydesk-agent as a process', () => {
  test('killed at any moment, a PC is never locked out and comes to its end', async () => {
    const pc = await PcProcess.create()
    await pc.enroll()
    const stepMs = isSlow ? 20 : 200
    const kills = [await killOverAndOver(pc, stepMs)]
    const [old = '', ...others] = await pc.passwordsOnDisk()
    expect(others).toEqual([])
    await service.requestRotation(pc.deviceId, old)
    kills.push(await killOverAndOver(pc, stepMs))
    expect((await pc.run('check-in')).exitCode).toBe(0)
    const [successor = '', ...twins] = await pc.passwordsOnDisk()
    expect(twins).toEqual([])
    expect(successor).not.toBe(old)
    expect(await service.rotationState(pc.deviceId, old)).toBe('done')
    const shown = await service.disclose(successor, pc.deviceId)
    expect((await readDisk(pc.directory)).passwords.get(successor)).toBe(shown)
    console.log(`killed ${kills.join(' and ')} times`)
  })

  test('run checks in until SIGTERM and ends with 0; two at once are refused', async () => {
    const pc = await PcProcess.create()
    await pc.enroll()
    const { child, finished, output } = pc.spawn('run')
    while (!output().includes('Next check-in in')) await sleep(20)
    const second = await pc.run('check-in')
    expect(second).toMatchObject({ exitCode: 2 })
    expect(second.output).toContain('[STATE_LOCKED]')
    expect(await pc.run('status')).toMatchObject({ exitCode: 0 })
    child.kill('SIGTERM')
    expect(await finished).toMatchObject({
      exitCode: 0,
      output: expect.stringMatching(/Stopped\n$/) as string,
    })
  })

  test('P5 Nothing lost: after a receipt the service may die, the key is there', async () => {
    const pc = await PcProcess.create()
    await pc.enroll()
    expect((await pc.run('check-in')).exitCode).toBe(0)
    await service.kill()
    const refused = await pc.run('check-in')
    expect(refused).toMatchObject({ exitCode: 3 })
    expect(refused.output).toContain('cannot be reached (ECONNREFUSED)')
    await service.startAgain()
    const [protectorId = ''] = await pc.passwordsOnDisk()
    const shown = await service.disclose(protectorId, pc.deviceId)
    expect((await readDisk(pc.directory)).passwords.get(protectorId)).toBe(shown)
    expect((await pc.run('check-in')).exitCode).toBe(0)
  })
})
