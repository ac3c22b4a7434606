/**
 * The fault table of the agent on real BitLocker volumes, a real state file, and the real service.
 *
 * Goal: whatever call fails, and whether or not it took effect, the PC can be unlocked with a
 * password that the service has, and the agent gets to the end by itself.
 * Method: an undisturbed run is recorded; then the same run is made once for every fault. After
 * each call that can change something, the disk (read with its startup key, which costs no key
 * derivation) is held against the receipts in the state file; after the fault, the password that
 * the service discloses is held against the disk.
 *
 * The normal run takes the rows that are not likely to repeat each other (see `choose`); SLOW=1
 * takes all. The complete table on a PC in memory is packages/agent/src/fault-table.test.ts.
 */
import assert from 'node:assert/strict'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { enroll, imageProvider, openAgent, runRound, stateStorage } from '@keydesk/agent'
import type { Agent, ClientDeps, StateStorage, VolumeProvider } from '@keydesk/agent'
import { createSamplePc } from '@keydesk/agent/sample-pc'
import type { Fault, FaultInjector } from '../../packages/agent/src/testing/fault-injector.ts'
import { runFaultTable } from '../../packages/agent/src/testing/fault-table.ts'
import type { FaultBench } from '../../packages/agent/src/testing/fault-table.ts'
import { disposeServers, temporaryDirectory } from '../support/server-process.ts'
import { AgentService } from '../support/agent-service.ts'
import { readDisk, receiptsThatHold, unlocksWith } from '../support/agent-disk.ts'

const isSlow = process.env['SLOW'] === '1'
/** FAT16 begins here; the smaller the disk, the faster a row. */
const DISK_BYTES = 9 * 1024 * 1024

let service: AgentService
let root: string
/** A PC that is encrypted already, copied for each row of the rotation. */
let template: string

beforeAll(async () => {
  root = temporaryDirectory()
  service = await AgentService.start()
  template = join(root, 'template')
  await makePc(template)
  const provider = imageProvider(template)
  const [volume] = await provider.listVolumes()
  await provider.addRecoveryPassword(volume!.id)
  await provider.encrypt(volume!.id, { encryptionMethod: 'xts-aes-128' })
})
afterAll(disposeServers)

async function makePc(directory: string): Promise<void> {
  const volume = { type: 'operatingSystem', mountPoint: 'C:', sizeBytes: DISK_BYTES } as const
  await createSamplePc(directory, { name: 'PC-FAULT', volumes: [volume] })
}

class Pc implements FaultBench {
  readonly directory: string
  readonly storage: StateStorage
  readonly provider: VolumeProvider
  readonly deps: ClientDeps = service.deps()
  /** Where a password has been promised to be there. */
  isPromised = false
  checkEnd: () => Promise<void> = () => Promise.resolve()

  private constructor(directory: string) {
    this.directory = directory
    this.storage = stateStorage(join(directory, 'agent.state'))
    this.provider = isSlow ? imageProvider(directory) : withoutEntries(imageProvider(directory))
  }

  /** A PC of its own, enrolled. */
  static async enrolled(from?: string): Promise<Pc> {
    const directory = await mkdtemp(join(root, 'pc-'))
    if (from === undefined) await makePc(directory)
    else await cp(from, directory, { recursive: true })
    const pc = new Pc(directory)
    const { deps, storage, provider } = pc
    await enroll({
      deps,
      storage,
      provider,
      directory,
      server: service.origin,
      proof: () => Promise.resolve({ enrollmentToken: service.enrollmentToken }),
    })
    return pc
  }

  async open(injector?: FaultInjector): Promise<Agent> {
    return await openAgent({
      deps: injector?.deps(this.deps) ?? this.deps,
      storage: injector?.storage(this.storage) ?? this.storage,
      provider: () => injector?.disk(this.provider) ?? this.provider,
      say: () => undefined,
    })
  }

  /** P1 and P2, read off the disk and the state file as they are at this instant. */
  async checkPromises(call?: string): Promise<void> {
    if (call !== undefined && !/^(state\.write|disk\.(add|remove|encrypt))/.test(call)) return
    const disk = await readDisk(this.directory)
    if (disk.isPlain) {
      if (this.isPromised) throw new Error('the disk is not encrypted any more')
      return
    }
    this.isPromised = true
    const good = await receiptsThatHold(disk, this.storage)
    if (good.length === 0) throw new Error('no recovery password on the disk has a receipt')
    if (call === undefined) await this.#checkDisclosure(good)
  }

  /** The service shows, to a person, a password that is on the disk. */
  async #checkDisclosure(protectorIds: readonly string[]): Promise<void> {
    const disk = await readDisk(this.directory)
    const { enrollment } = await (await this.open()).state.current()
    for (const protectorId of protectorIds) {
      const shown = await service.disclose(protectorId, enrollment?.deviceId ?? '')
      assert.ok(shown === disk.passwords.get(protectorId), 'the service has another password')
    }
  }

  /** With the whole key derivation, as at the recovery screen. */
  async isUnlockable(): Promise<boolean> {
    const disk = await readDisk(this.directory)
    const [[, password] = ['', '']] = disk.passwords
    return await unlocksWith(this.directory, password)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true })
  }
}

/**
 * Proving a key costs the service a key derivation in each row; elsewhere that has its own tests.
 */
function withoutEntries(provider: VolumeProvider): VolumeProvider {
  return {
    ...provider,
    listVolumes: async () =>
      (await provider.listVolumes()).map((volume) => ({
        ...volume,
        protectors: volume.protectors?.map(({ id, type }) => ({ id, type })) ?? null,
      })),
  }
}

async function encryptFirst(): Promise<FaultBench> {
  const pc = await Pc.enrolled()
  pc.checkEnd = async () => {
    const disk = await readDisk(pc.directory)
    expect(disk.isPlain).toBe(false)
    expect([...disk.passwords.keys()], 'one password, not a twin').toHaveLength(1)
    expect(await receiptsThatHold(disk, pc.storage)).toHaveLength(1)
  }
  return pc
}

async function rotation(): Promise<FaultBench> {
  const pc = await Pc.enrolled(template)
  const agent = await pc.open()
  await runRound(agent)
  const [old = ''] = (await readDisk(pc.directory)).passwords.keys()
  const { deviceId } = agent.enrollment
  const startupKeys = (await readDisk(pc.directory)).otherProtectors
  await service.requestRotation(deviceId, old)
  pc.isPromised = true
  pc.checkEnd = async () => {
    const disk = await readDisk(pc.directory)
    const ids = [...disk.passwords.keys()]
    expect(ids, 'one password, not a twin').toHaveLength(1)
    expect(ids).not.toContain(old)
    expect(disk.otherProtectors).toEqual(startupKeys)
    expect(await receiptsThatHold(disk, pc.storage)).toEqual(ids)
    expect(await service.rotationState(deviceId, old)).toBe('done')
  }
  return pc
}

/**
 * In the normal run: both failures of every change of the disk or the state and of every request,
 * and an eighth of the calls that only read. A row costs a second of a core.
 */
function choose({ mode, death, index }: Fault, call: string): boolean {
  if (isSlow) return true
  const isError = mode === 'fails' && !death
  const isLostAtTheEnd = mode !== 'fails' && death
  const isChange = /^(disk\.(add|remove|encrypt)|state\.write|service)/.test(call)
  if (isChange) return isError || isLostAtTheEnd
  return index % 8 === 0 && isError
}

describe('every call fails, and fails after it took effect', () => {
  test('P1 Escrow first: the encryption of a real volume', async () => {
    const { rows, calls } = await runFaultTable(encryptFirst, { choose, atOnce: 2 })
    expect(calls.filter((call) => call === 'disk.encrypt')).toHaveLength(1)
    console.log(`encrypt first: ${rows} faults in ${calls.length} calls`)
  }, 900_000)

  test('P2 Never locked out: the rotation of a real volume', async () => {
    const { rows, calls } = await runFaultTable(rotation, { choose, atOnce: 2 })
    expect(calls).toContain('disk.addRecoveryPassword')
    expect(calls).toContain('disk.removeRecoveryPassword')
    console.log(`rotation: ${rows} faults in ${calls.length} calls`)
  }, 900_000)

  test('what is on the disk in the end opens it at the recovery screen', async () => {
    await using pc = (await encryptFirst()) as Pc
    await runRound(await pc.open())
    expect(await pc.isUnlockable()).toBe(true)
  })
})
