/** The first administrator: its secret is shown once and stored as a hash only. */

import { expect, test } from 'vitest'
import { TestService } from '../testing/test-service.ts'

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

test('its making is the first audit entry', async () => {
  await using service = await TestService.start()
  const [first] = await service.auditEntries()
  expect(first).toMatchObject({
    index: 0,
    action: 'administrator.create',
    actor: { type: 'system' },
  })
})
