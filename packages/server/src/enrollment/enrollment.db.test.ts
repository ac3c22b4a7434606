/** Enrolment: tokens that run out, devices that enrol twice, attackers without a token or a key. */

import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TestDevice } from '../testing/test-device.ts'
import { TestService } from '../testing/test-service.ts'

let service: TestService
beforeAll(async () => {
  service = await TestService.start()
})
afterAll(async () => service[Symbol.asyncDispose]())

const usesOf = async (id: string): Promise<number | undefined> => {
  const response = await service.admin('GET', '/api/v1/enrollment-tokens?limit=200')
  const { items } = response.json<{ items: { id: string; usesCount: number }[] }>()
  return items.find((item) => item.id === id)?.usesCount
}

describe('a device that enrols', () => {
  test('gets an identity and the keys to pin', async () => {
    const { token } = await service.enrollmentToken({ groupName: 'Berlin' })
    const device = new TestDevice(service, 'PC-BERLIN')
    expect((await device.enroll(token)).statusCode).toBe(201)
    expect(device.enrolled).toEqual({
      deviceId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      origin: 'https://keydesk.example',
      vaultKey: {
        id: service.deps.keyring.vaultKey.id,
        publicKey: service.deps.keyring.vaultKey.publicJwk,
      },
      receiptKey: {
        id: service.deps.keyring.receiptKey.id,
        publicKey: service.deps.keyring.receiptKey.publicJwk,
      },
      checkInIntervalSeconds: 3600,
    })
    expect(await service.detail(device.deviceId)).toMatchObject({
      facts: { name: 'PC-BERLIN' },
      groupName: 'Berlin',
    })
  })

  test('gets the same identity again and uses the token once', async () => {
    const { token, id } = await service.enrollmentToken({ usesMax: 1 })
    const device = new TestDevice(service)
    await device.enroll(token)
    const first = device.deviceId
    device.deviceId = ''
    // The answer was lost; the token has no uses left by now.
    expect((await device.enroll(token)).statusCode).toBe(201)
    expect(device.deviceId).toBe(first)
    expect(await usesOf(id)).toBe(1)
  })

  test('many times at once becomes one device and one use', async () => {
    const { token, id } = await service.enrollmentToken({ usesMax: 5 })
    const device = new TestDevice(service)
    const body = { enrollmentToken: token, device: { name: device.name } }
    const responses = await Promise.all(
      Array.from({ length: 8 }, () => device.send({ url: '/device/v1/enroll', body })),
    )
    const ids = responses.map((response) => response.json<{ deviceId: string }>().deviceId)
    expect(new Set(ids).size).toBe(1)
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/)
    expect(await usesOf(id)).toBe(1)
  })

  test('at once with others cannot use a token more often than allowed', async () => {
    const { token, id } = await service.enrollmentToken({ usesMax: 3 })
    const devices = Array.from({ length: 10 }, () => new TestDevice(service))
    const responses = await Promise.all(devices.map((device) => device.enroll(token)))
    const statuses = responses.map(({ statusCode }) => statusCode)
    expect(statuses.filter((status) => status === 201)).toHaveLength(3)
    expect(statuses.filter((status) => status === 403)).toHaveLength(7)
    expect(await usesOf(id)).toBe(3)
  })
})

describe('one and the same refusal', () => {
  const refusal = { status: 403, code: 'ENROLLMENT_TOKEN_INVALID' }
  const attempt = async (token: string) =>
    (await new TestDevice(service).enroll(token)).json<object>()

  test('for an unknown, a used up, a revoked and an expired token', async () => {
    const usedUp = await service.enrollmentToken({ usesMax: 1 })
    await new TestDevice(service).enroll(usedUp.token)
    const revoked = await service.enrollmentToken()
    await service.admin('DELETE', `/api/v1/enrollment-tokens/${revoked.id}`)
    const expired = await service.enrollmentToken({ expiresInSeconds: 60 })
    service.deps.clock.advance(60)
    const unknown = `keydesk_enroll_${'A'.repeat(43)}`
    const answers = await Promise.all(
      [usedUp.token, revoked.token, expired.token, unknown, 'nonsense'].map(attempt),
    )
    const details = new Set(answers.map((answer) => (answer as { detail: string }).detail))
    for (const answer of answers) expect(answer).toMatchObject(refusal)
    expect(details.size).toBe(1)
  })

  test('is audited without the token', async () => {
    const token = `keydesk_enroll_${'B'.repeat(43)}`
    await new TestDevice(service).enroll(token)
    const entries = await service.auditEntries()
    const denial = entries.findLast(({ action }) => action === 'request.deny')
    expect(denial?.detail).toEqual({
      code: 'ENROLLMENT_TOKEN_INVALID',
      route: 'POST /device/v1/enroll',
    })
    expect(JSON.stringify(entries)).not.toContain(token)
  })
})

describe('an attacker', () => {
  test('cannot enrol a public key without its private key', async () => {
    const { token } = await service.enrollmentToken()
    const victim = new TestDevice(service)
    const attacker = new TestDevice(service)
    const body = { enrollmentToken: token, device: { name: 'x' } }
    const own = await attacker.sign({ url: '/device/v1/enroll', body })
    const [, payload, signature] = own.split('.')
    const header = {
      alg: 'ES256',
      typ: 'keydesk-device+jwt',
      jwk: victim.key.publicKey.export({ format: 'jwk' }),
    }
    const forged = [Buffer.from(JSON.stringify(header)).toString('base64url'), payload, signature]
    const response = await service.post('/device/v1/enroll', body, forged.join('.'))
    expect(response.json()).toMatchObject({ status: 401, code: 'DEVICE_UNAUTHORIZED' })
  })

  test('cannot enrol with a point that is not on the curve', async () => {
    const body = { enrollmentToken: 'x', device: { name: 'x' } }
    const header = {
      alg: 'ES256',
      typ: 'keydesk-device+jwt',
      jwk: { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) },
    }
    const token = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.e30.AAAA`
    const response = await service.post('/device/v1/enroll', body, token)
    expect(response.json()).toMatchObject({ status: 401, code: 'DEVICE_UNAUTHORIZED' })
  })

  test('cannot replay an enrolment, or change its body', async () => {
    const { token } = await service.enrollmentToken()
    const device = new TestDevice(service)
    const body = { enrollmentToken: token, device: { name: device.name } }
    const signed = await device.sign({ url: '/device/v1/enroll', body })
    expect((await service.post('/device/v1/enroll', body, signed)).statusCode).toBe(201)
    const replay = await service.post('/device/v1/enroll', body, signed)
    expect(replay.json()).toMatchObject({ status: 401, code: 'REQUEST_REPLAYED' })
    const other = await device.sign({ url: '/device/v1/enroll', body, signed: { body: {} } })
    const changed = await service.post('/device/v1/enroll', body, other)
    expect(changed.json()).toMatchObject({ status: 401, code: 'REQUEST_NOT_BOUND' })
  })

  test('with the key of another curve is refused', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    const { kty, x, y } = other.publicKey.export({ format: 'jwk' })
    const header = { alg: 'ES256', typ: 'keydesk-device+jwt', jwk: { kty, crv: 'P-384', x, y } }
    const token = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.e30.AAAA`
    const body = { enrollmentToken: 'x', device: { name: 'x' } }
    const response = await service.post('/device/v1/enroll', body, token)
    expect(response.json()).toMatchObject({ status: 401, code: 'DEVICE_UNAUTHORIZED' })
  })
})

describe('tokens', () => {
  test('are shown once and stored as a hash', async () => {
    const created = await service.enrollmentToken({ name: 'once' })
    expect(created.token).toMatch(/^keydesk_enroll_[A-Za-z0-9_-]{43}$/)
    const list = (await service.admin('GET', '/api/v1/enrollment-tokens?limit=200')).body
    expect(list).toContain(created.id)
    expect(list).not.toContain(created.token)
    const rows = await service.deps.db.selectFrom('enrollment_token').selectAll().execute()
    expect(JSON.stringify(rows)).not.toContain(created.token)
    expect(JSON.stringify(await service.auditEntries())).not.toContain(created.token)
  })

  test('are listed in pages, newest first, each once', async () => {
    await using own = await TestService.start()
    for (let index = 0; index < 5; index += 1) {
      await own.enrollmentToken({ name: `token ${index}` })
      own.deps.clock.advance(1)
    }
    const names: string[] = []
    let url = '/api/v1/enrollment-tokens?limit=2'
    for (;;) {
      const page = (await own.admin('GET', url)).json<{
        items: { name: string }[]
        nextAfter?: string
      }>()
      names.push(...page.items.map(({ name }) => name))
      if (page.nextAfter === undefined) break
      url = `/api/v1/enrollment-tokens?limit=2&after=${page.nextAfter}`
    }
    expect(names).toEqual(['token 4', 'token 3', 'token 2', 'token 1', 'token 0'])
  })

  test('are revoked once; revoking again changes nothing', async () => {
    const { id } = await service.enrollmentToken()
    const url = `/api/v1/enrollment-tokens/${id}`
    const first = (await service.admin('DELETE', url)).json<{ revokedAt: string }>()
    service.deps.clock.advance(5)
    const second = (await service.admin('DELETE', url)).json<{ revokedAt: string; state: string }>()
    expect(second.state).toBe('revoked')
    expect(second.revokedAt).toBe(first.revokedAt)
    const unknown = `/api/v1/enrollment-tokens/${'0'.repeat(8)}-0000-4000-8000-000000000000`
    expect((await service.admin('DELETE', unknown)).json()).toMatchObject({
      status: 404,
      code: 'NOT_FOUND',
      detail: 'There is no enrolment token with this ID.',
    })
  })

  test.each(['%%%', Buffer.from('[1,2]').toString('base64url'), 'bm90IGpzb24'])(
    'refuse the cursor %s',
    async (after) => {
      const url = `/api/v1/enrollment-tokens?after=${encodeURIComponent(after)}`
      expect((await service.admin('GET', url)).json()).toMatchObject({
        status: 400,
        code: 'INVALID_REQUEST',
      })
    },
  )
})
