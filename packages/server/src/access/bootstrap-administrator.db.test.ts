/** The first administrator: its secret is shown once and stored as a hash only. */

import { createHash, randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { TestService } from '../testing/test-service.ts'
import { generateKeyring } from '../vault/keyring.ts'
import { insertAdministrator } from './queries.ts'
import { createSecretToken, hashSecretToken } from './secret-token.ts'

test('the secret lets in, and the database does not hold it', async () => {
  await using service = await TestService.start()
  expect(service.administratorSecret).toMatch(/^keydesk_admin_[A-Za-z0-9_-]{43}$/)
  expect((await service.admin('GET', '/api/v1/devices')).statusCode).toBe(200)
  const rows = await service.deps.db.selectFrom('administrator').selectAll().execute()
  expect(rows).toHaveLength(1)
  expect(rows[0]?.secret_hash).toHaveLength(32)
  expect(JSON.stringify(rows)).not.toContain(service.administratorSecret)
})

test('a secret with one changed character is refused', async () => {
  await using service = await TestService.start()
  const secret = service.administratorSecret
  const changed = secret.slice(0, -1) + (secret.endsWith('A') ? 'B' : 'A')
  const response = await service.post('/api/v1/enrollment-tokens', {}, changed)
  expect(response.json()).toMatchObject({
    status: 401,
    code: 'UNAUTHENTICATED',
    detail: 'The bearer secret is not one of this server.',
  })
})

test.each(['its plain SHA-256', 'the hash of another deployment'])(
  'an administrator whom a database writer inserted with %s is not let in',
  async (what) => {
    await using service = await TestService.start()
    const secret = createSecretToken('admin').reveal()
    const secretHash = what.startsWith('its')
      ? createHash('sha256').update(secret).digest()
      : hashSecretToken(generateKeyring(), secret)
    const row = { id: randomUUID(), name: 'intruder', createdAt: new Date() }
    await service.deps.db
      .transaction()
      .execute((trx) => insertAdministrator(trx, { ...row, secretHash }))
    const response = await service.post('/api/v1/enrollment-tokens', {}, secret)
    expect(response.json()).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
  },
)

test('its making is the first audit entry', async () => {
  await using service = await TestService.start()
  const [first] = await service.auditEntries()
  expect(first).toMatchObject({
    index: 0,
    action: 'administrator.create',
    actor: { type: 'system' },
  })
})
