/** Refusals on record: each one up to a rate, and then how many more there were. */

import { expect, test } from 'vitest'
import { TestService } from '../testing/test-service.ts'
import { createDenialRecorder } from './record-denial.ts'

const STRANGER = { actor: { type: 'anonymous' }, detail: { code: 'UNAUTHENTICATED' } } as const

test('what goes beyond the rate is one entry with the count', async () => {
  await using service = await TestService.start()
  const { recordDenial, flush } = createDenialRecorder(service.deps)
  const since = service.deps.clock.now().toISOString()
  for (let time = 0; time < 75; time += 1) await recordDenial(STRANGER)
  const denials = async () =>
    (await service.auditEntries()).filter(({ action }) => action === 'request.deny')
  expect(await denials()).toHaveLength(60)
  service.deps.clock.advance(60)
  await recordDenial(STRANGER)
  const entries = await denials()
  expect(entries).toHaveLength(62)
  expect(entries[60]).toMatchObject({
    outcome: 'denied',
    actor: { type: 'anonymous' },
    detail: { furtherRefusals: 15, since },
  })
  await flush()
  expect(await denials()).toHaveLength(62)
})

test('a server that stops writes the count of the last minute', async () => {
  await using service = await TestService.start()
  const { recordDenial, flush } = createDenialRecorder(service.deps)
  for (let time = 0; time < 62; time += 1) await recordDenial(STRANGER)
  await flush()
  expect((await service.auditEntries()).at(-1)?.detail).toMatchObject({ furtherRefusals: 2 })
})
