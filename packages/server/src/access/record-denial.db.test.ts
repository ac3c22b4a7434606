/**
 * Refusals on record: each one up to a rate, and then how many more there were. Attackers fill the
 * rate with junk to hide what they do.
 */

import { expect, test } from 'vitest'
import { tryPassword } from '../testing/test-account.ts'
import { TestBrowser } from '../testing/test-browser.ts'
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

test('junk from one network hides no refusal of another, nor wrong passwords', async () => {
  await using service = await TestService.start()
  const junk = new TestBrowser(service, '198.51.100.1')
  for (let time = 0; time < 65; time += 1) await junk.open('/api/v1/devices')
  for (const address of ['198.51.100.1', '198.51.100.2']) {
    const guesser = new TestBrowser(service, address)
    for (let guess = 0; guess < 3; guess += 1) {
      await tryPassword(guesser, 'somebody@keydesk.example', 'wrong wrong wrong')
    }
  }
  await new TestBrowser(service, '198.51.100.3').open('/api/v1/devices')
  const details = (await service.auditEntries()).map(({ detail }) => detail)
  const guesses = details.filter(({ route }) => route === 'POST /sign-in/with/:uid')
  expect(guesses.map(({ address }) => address)).toEqual([
    ...Array.from({ length: 3 }, () => '198.51.100.1'),
    ...Array.from({ length: 3 }, () => '198.51.100.2'),
  ])
  expect(details.filter(({ route }) => route === 'GET /api/v1/devices')).toHaveLength(61)
})

test('however many networks send junk, the log does not fill', async () => {
  await using service = await TestService.start()
  const { recordDenial, flush } = createDenialRecorder(service.deps)
  for (let host = 0; host < 350; host += 1) {
    await recordDenial({ ...STRANGER, address: `203.0.${host >> 8}.${host & 255}` })
  }
  await flush()
  const entries = await service.auditEntries()
  expect(entries).toHaveLength(301)
  expect(entries.at(-1)?.detail).toMatchObject({ furtherRefusals: 50 })
})
