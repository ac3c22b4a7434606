/**
 * What the agent's rules need from the real service: clock correction, conflicts, proof, replays.
 * The rules themselves are tested beside their code, with a service made from the contract.
 */
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { enroll, imageProvider, openAgent, runRound, stateStorage } from '@keydesk/agent'
import type { Agent, ClientDeps, StateStorage } from '@keydesk/agent'
import { createSamplePc } from '@keydesk/agent/sample-pc'
import { generateRecoveryKey } from '@keydesk/bitlocker'
import {
  createVolume,
  createVolumeFile,
  formatStartupKey,
  planVolumeSize,
} from '@keydesk/bitlocker/volume'
import { AgentService } from '../support/agent-service.ts'
import { readDisk, receiptsThatHold } from '../support/agent-disk.ts'
import {
  disposeServers,
  embeddedDatabaseUrl,
  temporaryDirectory,
} from '../support/server-process.ts'

const YEAR_MS = 365 * 24 * 3600 * 1000

let service: AgentService
beforeAll(async () => {
  service = await AgentService.start()
})
afterAll(disposeServers)

interface TestPc {
  readonly directory: string
  readonly storage: StateStorage
  readonly deps: ClientDeps
  readonly requests: string[]
  readonly open: () => Promise<Agent>
}

/** A sample PC that is enrolled; its clock is wrong by `clockErrorMs`. */
async function enrolledPc(clockErrorMs = 0): Promise<TestPc> {
  const directory = join(temporaryDirectory(), 'pc')
  await createSamplePc(directory, { name: 'PC-RULES' })
  const storage = stateStorage(join(directory, 'agent.state'))
  const requests: string[] = []
  const real = service.deps()
  const deps: ClientDeps = {
    ...real,
    clock: { ...real.clock, now: () => real.clock.now() + clockErrorMs },
    fetch: (url, init) => {
      requests.push(new URL(url).pathname)
      return real.fetch(url, init)
    },
  }
  const provider = imageProvider(directory)
  const { enrollmentToken, origin: server } = service
  const proof = () => Promise.resolve({ enrollmentToken })
  await enroll({ deps, storage, provider, directory, server, proof })
  const open = () => openAgent({ deps, storage, provider: () => provider, say: () => undefined })
  return { directory, storage, deps, requests, open }
}

test('a PC that is three years behind corrects its clock by the service', async () => {
  const pc = await enrolledPc(-3 * YEAR_MS)
  expect(pc.requests).toEqual(['/device/v1/enroll', '/device/v1/enroll'])
  const report = await runRound(await pc.open())
  expect(report).toEqual({ checkedIn: true, problems: [] })
  expect((await readDisk(pc.directory)).isPlain).toBe(false)
  const state = await (await pc.open()).state.current()
  expect(Math.abs(state.clockOffsetMs - 3 * YEAR_MS)).toBeLessThan(5000)
  expect(state.receipts[0]?.storedAt.slice(0, 4)).toBe(String(new Date().getFullYear()))
})

test('the metadata entry goes along, and the service proves the key by it', async () => {
  const pc = await enrolledPc()
  const agent = await pc.open()
  await runRound(agent)
  await expect
    .poll(() => service.proofs(agent.enrollment.deviceId), { timeout: 20_000 })
    .toEqual(['verified'])
  await runRound(agent)
  const { provenProtectorIds } = await agent.state.current()
  expect(provenProtectorIds).toEqual([...(await readDisk(pc.directory)).passwords.keys()])
})

test('a PC that was restored from elsewhere gets a password that the service has', async () => {
  const pc = await enrolledPc()
  const agent = await pc.open()
  await runRound(agent)
  const before = await readDisk(pc.directory)
  const [disputed = ''] = before.passwords.keys()
  await replaceDisk(pc.directory, before.volumeId, disputed)
  const report = await runRound(await pc.open())
  expect(report).toMatchObject({ checkedIn: true, problems: [] })
  const after = await readDisk(pc.directory)
  const [first, fresh = ''] = after.passwords.keys()
  expect(first, 'the disputed password stays').toBe(disputed)
  expect(await receiptsThatHold(after, pc.storage)).toEqual([fresh])
  const shown = await service.disclose(fresh, agent.enrollment.deviceId)
  expect(shown === after.passwords.get(fresh)).toBe(true)
})

test('a key that the service has lost is escrowed again by the next round', async () => {
  const pc = await enrolledPc()
  const agent = await pc.open()
  await runRound(agent)
  const { deviceId } = agent.enrollment
  // Until then a worker may hold on to the row.
  await expect.poll(() => service.proofs(deviceId), { timeout: 20_000 }).toEqual(['verified'])
  const disk = await readDisk(pc.directory)
  const [protectorId = ''] = disk.passwords.keys()
  const [before] = (await agent.state.current()).receipts
  await deleteKeys(deviceId)
  expect(await service.proofs(deviceId)).toEqual([])
  // A receipt says to the second when it was given.
  await expect.poll(() => Date.now() - Date.parse(before!.storedAt)).toBeGreaterThan(1000)

  expect(await runRound(agent)).toEqual({ checkedIn: true, problems: [] })
  const after = (await agent.state.current()).receipts
  expect(after).toMatchObject([{ protectorId }])
  expect(after[0]?.receipt === before?.receipt, 'the receipt is a new one').toBe(false)
  expect(await receiptsThatHold(disk, pc.storage)).toEqual([protectorId])
  expect([...(await readDisk(pc.directory)).passwords.keys()]).toEqual([protectorId])
  const shown = await service.disclose(protectorId, deviceId)
  expect(shown === disk.passwords.get(protectorId)).toBe(true)
})

/** What the service itself cannot do: its triggers forbid it, so a superuser is past them. */
async function deleteKeys(deviceId: string): Promise<void> {
  const url = new URL(embeddedDatabaseUrl(service.dataDir))
  url.username = 'postgres'
  const client = new Client({ connectionString: url.href })
  await client.connect()
  try {
    await client.query('set session_replication_role = replica')
    const { rowCount } = await client.query('delete from recovery_key where device_id = $1', [
      deviceId,
    ])
    expect(rowCount).toBe(1)
  } finally {
    await client.end()
  }
}

/** Another disk with the same names: the same volume and protector IDs, another password. */
async function replaceDisk(directory: string, volumeId: string, protectorId: string) {
  const image = join(directory, 'os.img')
  await rm(image)
  {
    await using file = await createVolumeFile(
      `${image}.restored`,
      planVolumeSize({ size: 4 << 20 }),
    )
    const { startupKey } = await createVolume(file, {
      volumeId,
      recoveryPasswords: [{ protectorId, recoveryKey: generateRecoveryKey() }],
      startupKey: true,
    })
    await writeFile(join(directory, 'os.BEK'), formatStartupKey(startupKey!))
  }
  await rename(`${image}.restored`, image)
}
