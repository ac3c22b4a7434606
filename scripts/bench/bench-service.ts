/**
 * A service of its own for a benchmark: a fresh embedded PostgreSQL in the temporary folder, the
 * server as a process, and a fleet of devices that is already enrolled.
 */
import { generateKeyPairSync, createPublicKey, randomUUID, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signDeviceRequest } from '@keydesk/contract/device-request'
import { jwkThumbprint } from '@keydesk/contract/jwk-thumbprint'
import type { EnrollResponse } from '@keydesk/contract'
import { Client } from 'pg'
import { apiClient } from '../api-client.ts'
import { freePort, startService, type ServiceProcess } from '../service-process.ts'
import { accessTokenOf, becomeFirstAdministrator } from '../sign-in/first-administrator.ts'

/** Devices that are there before the measurement begins. */
export const DEVICES = 10_000
const DEVICES_PER_INSERT = 1000

export interface BenchDevice {
  readonly id: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

export interface BenchService {
  readonly origin: string
  readonly port: number
  /** Of a program with every right, good for an hour. */
  readonly accessToken: string
  /** Of the cluster that the service runs on, for the floor. */
  readonly databaseUrl: string
  readonly vaultPublicKey: KeyObject
  readonly devices: readonly BenchDevice[]
}

/** Starts it, hands it to `measure`, and leaves nothing behind. */
export async function withBenchService(
  settings: Readonly<Record<string, string>>,
  measure: (service: BenchService) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'keydesk-bench-'))
  const port = await freePort()
  const service = await startService({
    dataDirectory: folder,
    port,
    // The floor's 64 sessions come on top of the server's, one for each request: PostgreSQL must be
    // set up for both.
    settings: { KEYDESK_LOG_LEVEL: 'warn', KEYDESK_DATABASE_POOL: '140', ...settings },
  })
  try {
    const accessToken = await firstAccessToken(service)
    const databaseUrl = embeddedDatabaseUrl(folder)
    const vaultPublicKey = await enrollFirst(service.origin, accessToken)
    const devices = await insertDevices(databaseUrl)
    const { origin } = service
    await measure({ origin, port, accessToken, databaseUrl, vaultPublicKey, devices })
  } finally {
    await service.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** As the server finds its own cluster: the port in `postmaster.pid`, the password beside it. */
function embeddedDatabaseUrl(dataDirectory: string): string {
  const password = readFileSync(join(dataDirectory, 'postgres-password'), 'utf8').trim()
  const pidFile = readFileSync(join(dataDirectory, 'postgres', 'postmaster.pid'), 'utf8')
  return `postgres://keydesk:${password}@127.0.0.1:${pidFile.split('\n')[3] ?? ''}/keydesk`
}

async function firstAccessToken({ origin, setupLink = '' }: ServiceProcess): Promise<string> {
  return await accessTokenOf(await becomeFirstAdministrator({ origin, setupLink }), origin)
}

/** One device enrols as a device does; its answer names the vault key. */
async function enrollFirst(origin: string, accessToken: string): Promise<KeyObject> {
  const { token: enrollmentToken } = await apiClient(origin, accessToken).createEnrollmentToken({
    name: 'bench',
    usesMax: DEVICES,
    expiresInSeconds: 3600,
  })
  const body = JSON.stringify({ enrollmentToken, device: { name: 'BENCH-FIRST' } })
  const url = '/device/v1/enroll'
  const token = await signDeviceRequest({
    ...generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    target: { origin, method: 'POST', url, body: new TextEncoder().encode(body) },
    issuedAt: new Date(),
  })
  const response = await fetch(origin + url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body,
  })
  if (!response.ok) throw new Error(`enrolment failed: ${await response.text()}`)
  const { vaultKey } = (await response.json()) as EnrollResponse
  return createPublicKey({ key: vaultKey.publicKey, format: 'jwk' })
}

/** The rest of the fleet goes straight into the table: enrolling is not what is measured. */
async function insertDevices(databaseUrl: string): Promise<BenchDevice[]> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const devices: BenchDevice[] = []
    while (devices.length < DEVICES) {
      const batch = Array.from({ length: DEVICES_PER_INSERT }, () => ({
        id: randomUUID(),
        ...generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      }))
      await client.query(
        `insert into device (id, key_thumbprint, public_key, name, enrollment_token_id, enrolled_at)
         select new.id, thumbprint, public_key, 'BENCH-' || left(new.id::text, 8), token.id, now()
         from unnest($1::uuid[], $2::text[], $3::bytea[]) as new (id, thumbprint, public_key),
              (select id from enrollment_token limit 1) as token`,
        [
          batch.map(({ id }) => id),
          batch.map(({ publicKey }) => jwkThumbprint(publicKey)),
          batch.map(({ publicKey }) => publicKey.export({ type: 'spki', format: 'der' })),
        ],
      )
      devices.push(...batch)
    }
    await client.query('analyze device')
    return devices
  } finally {
    await client.end()
  }
}
