import { describe, expect, test } from 'vitest'
import { StateFile } from './state-file.ts'
import { MemoryPc, MemoryVolume } from './testing/memory-pc.ts'
import { TEST_TOKEN, TestBench } from './testing/test-agent.ts'
import { FaultInjector } from './testing/fault-injector.ts'

const pc = () => new MemoryPc(new MemoryVolume())

describe('enrolment', () => {
  test('pins the keys of the service and its name', async () => {
    const bench = new TestBench(pc())
    const { deviceId, origin, vaultKey, receiptKey } = await bench.enroll()
    const { enrollment } = await bench.state()
    expect(enrollment).toMatchObject({ deviceId, origin, vaultKey, receiptKey })
    expect(bench.service.devices.has(deviceId)).toBe(true)
  })

  test('has its key on disk before the first request', async () => {
    const bench = new TestBench(pc())
    bench.intercept = async () => {
      expect((await bench.state()).deviceKey.d).toMatch(/^[\w-]{43}$/)
      throw new TypeError('fetch failed')
    }
    await expect(bench.enroll()).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' })
    expect((await bench.state()).enrollment).toBeUndefined()
  })

  test('whose answer was lost goes on with the same key and gets the same identity', async () => {
    const bench = new TestBench(pc())
    const recorder = new FaultInjector()
    await new TestBench(pc()).enroll(recorder)
    const request = recorder.calls.indexOf('service /device/v1/enroll')
    const lost = new FaultInjector({
      index: request,
      mode: 'fails after it took effect',
      death: true,
    })
    await bench.enroll(lost).catch(() => undefined)
    const [first] = bench.service.devices.keys()
    expect(first).toBeDefined()
    const { deviceId } = await bench.enroll()
    expect(deviceId).toBe(first)
    expect(bench.service.devices.size).toBe(1)
  })

  test('is done once: a second one is answered from the state file', async () => {
    const bench = await TestBench.enrolled(pc())
    const before = await bench.state()
    expect(await bench.enroll()).toEqual(before.enrollment)
    expect(bench.service.enrolments).toEqual([TEST_TOKEN])
    expect(await bench.state()).toEqual(before)
  })

  test('never takes the state file of another service', async () => {
    const bench = await TestBench.enrolled(pc())
    const file = await StateFile.open(bench.storage)
    await file.update((state) => ({ ...state, server: 'https://other.example' }))
    const error = bench.enroll()
    await expect(error).rejects.toMatchObject({ code: 'STATE_OTHER_SERVER' })
    await expect(error).rejects.toThrow('belongs to https://other.example')
  })

  test('refuses a key that is not what it is named', async () => {
    const bench = new TestBench(pc())
    const { vaultKey, receiptKey, deviceId, origin } = await new TestBench(pc()).enroll()
    const answer = { deviceId, origin, vaultKey, checkInIntervalSeconds: 60 }
    const wrong = { ...answer, receiptKey: { ...receiptKey, id: vaultKey.id } }
    bench.intercept = () => Promise.resolve(Response.json(wrong))
    await expect(bench.enroll()).rejects.toMatchObject({ code: 'SERVER_ANSWER' })
    expect((await bench.state()).enrollment).toBeUndefined()
  })
})

test('an agent that is not enrolled says what to do', async () => {
  const bench = new TestBench(pc())
  bench.intercept = () => Promise.reject(new TypeError('fetch failed'))
  await bench.enroll().catch(() => undefined)
  await expect(bench.open()).rejects.toMatchObject({ code: 'NOT_ENROLLED', exitCode: 2 })
})
