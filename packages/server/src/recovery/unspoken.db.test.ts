/**
 * P9: after a full life of many keys, no recovery password is in a log line, an error, a metric, an
 * audit entry, a URL or the database, in none of the forms that would give it away.
 */

import { formatRecoveryPassword } from '@keydesk/bitlocker'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { createLog } from '../ops/log.ts'
import { volumeWith, type TestProtector } from '../testing/test-device.ts'
import { TestService } from '../testing/test-service.ts'

/**
 * Everything that would give the key away: digits with and without hyphens, bytes in three forms.
 */
function tellTales({ recoveryKey }: TestProtector): string[] {
  const password = formatRecoveryPassword(recoveryKey)
  const bytes = Buffer.from(recoveryKey)
  return [
    password,
    password.replaceAll('-', ''),
    password.slice(0, 27),
    bytes.toString('hex'),
    bytes.toString('base64').replaceAll('=', ''),
    bytes.toString('base64url'),
  ]
}

async function dumpOf(service: TestService): Promise<string> {
  const { db } = service.deps
  const { rows } = await sql<{ name: string }>`
    select tablename as name from pg_tables where schemaname = 'public' order by 1`.execute(db)
  const dumps = rows.map(async ({ name }) => {
    const table = await sql<{ text: string }>`
      select coalesce(string_agg(row_to_json(t)::text, E'\n'), '') as text
        from ${sql.table(name)} t`.execute(db)
    return `${name}\n${table.rows[0]?.text}`
  })
  return (await Promise.all(dumps)).join('\n')
}

test('P9 Unspoken: a recovery password is in its one answer and nowhere else', async () => {
  const lines: string[] = []
  const log = createLog({
    level: 'debug',
    format: 'json',
    destination: { write: (line: string) => void lines.push(line) },
  })
  await using service = await TestService.start(
    { rotationDelaySeconds: 0, disclosureBudget: { count: 1000, windowSeconds: 3600 } },
    { log },
  )
  const answers: string[] = []
  const keys: TestProtector[] = []
  for (let index = 0; index < 5; index += 1) {
    const device = await service.device()
    const old = await device.escrowNew()
    keys.push(old)
    answers.push((await device.escrow(old)).body)
    answers.push((await device.escrow({ ...old, recoveryKey: new Uint8Array(16) })).body)
    await device.report([volumeWith(old.volumeId, [old])])
    const shown = await service.show(old.protectorId)
    expect(shown.recoveryPassword).toBe(formatRecoveryPassword(old.recoveryKey))
    // People paste passwords into every field there is.
    const misuse = [
      `/api/v1/recovery-keys?keyId=${shown.recoveryPassword}`,
      `/api/v1/devices?search=${shown.recoveryPassword}`,
      `/api/v1/devices/${shown.recoveryPassword}`,
      `/${shown.recoveryPassword}`,
    ]
    for (const url of misuse) answers.push((await service.admin('GET', url)).body)
    const asReason = { reason: { code: 'other', text: shown.recoveryPassword } }
    answers.push((await service.disclose(old.protectorId, asReason)).body)
    const asField = { [shown.recoveryPassword]: shown.recoveryPassword }
    answers.push((await service.disclose(old.protectorId, asField)).body)
    answers.push((await service.disclose(shown.recoveryPassword)).body)
    answers.push((await device.escrow(old, { recoveryPassword: shown.recoveryPassword })).body)
    const next = await device.escrowNew(old.volumeId)
    keys.push(next)
    await device.report([volumeWith(old.volumeId, [next])])
    answers.push(JSON.stringify(await service.detail(device.deviceId)))
  }
  const entries = JSON.stringify(await service.auditEntries())
  const metrics = (await service.app.inject('/metrics')).body
  const dump = await dumpOf(service)
  expect(lines.length).toBeGreaterThan(50)
  expect(dump).toContain('sealed_key')

  const places = { answers: answers.join('\n'), entries, metrics, dump, log: lines.join('\n') }
  for (const [place, text] of Object.entries(places)) {
    for (const key of keys) {
      for (const tellTale of tellTales(key)) {
        expect(text.includes(tellTale), `${place} holds a recovery password`).toBe(false)
      }
    }
    expect(text, `${place} holds 48 digits`).not.toMatch(/(?:\d{6}-){7}\d{6}/)
    expect(text, `${place} holds the administrator's secret`).not.toContain(
      service.administratorToken,
    )
  }
})
