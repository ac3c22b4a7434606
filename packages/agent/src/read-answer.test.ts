import { describe, expect, test } from 'vitest'
import { AGENT_LIMITS } from './limits.ts'
import { ANSWERS, readAnswer, readBody, readProblem } from './read-answer.ts'

const ANSWER = {
  policy: { requireEncryption: true, encryptionMethod: 'xts-aes-256' },
  actions: [],
  keys: [],
  checkInIntervalSeconds: 60,
  serverTime: '2026-11-22T12:00:00.000Z',
}

describe('readAnswer', () => {
  test('drops fields that a newer service may add, at every depth', () => {
    const newer = { ...ANSWER, motto: 'x', policy: { ...ANSWER.policy, pin: true } }
    expect(readAnswer(ANSWERS.checkIn, newer, '/x')).toEqual(ANSWER)
  })

  test.each([
    ['nothing', undefined],
    ['another thing', { error: 'no' }],
    ['a missing field', { ...ANSWER, actions: undefined }],
    ['a wrong type', { ...ANSWER, checkInIntervalSeconds: '60' }],
    ['a method that this agent does not know', { ...ANSWER, policy: { requireEncryption: true } }],
  ])('refuses %s', (_what, value) => {
    const read = () => readAnswer(ANSWERS.checkIn, value, '/device/v1/check-in')
    expect(read).toThrow(expect.objectContaining({ code: 'SERVER_ANSWER' }))
    expect(read).toThrow('/device/v1/check-in')
  })
})

describe('readBody', () => {
  test('stops at its bound, however long the answer is', async () => {
    let sent = 0
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 65_536
        controller.enqueue(new Uint8Array(65_536))
      },
    })
    await expect(readBody(new Response(endless))).rejects.toThrow('larger than')
    expect(sent).toBeLessThan(2 * AGENT_LIMITS.responseBytes)
  })

  test('takes what is not JSON for no answer', async () => {
    expect(await readBody(new Response('<html>a proxy</html>'))).toBeUndefined()
  })
})

test('a problem is fit for a terminal: one line, no control characters', () => {
  const problem = {
    type: '/x',
    title: 't',
    status: 400,
    detail: 'first\n\u001b[31msecond\u202e third',
    code: 'INVALID_REQUEST',
    requestId: 'r',
  }
  expect(readProblem(problem)).toEqual({
    code: 'INVALID_REQUEST',
    detail: 'first [31msecond third',
  })
  expect(readProblem('no')).toEqual({ detail: 'it did not say why' })
})
