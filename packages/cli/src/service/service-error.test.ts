import { expect, test } from 'vitest'
import { connectionReason, refusal } from './service-error.ts'

test('a problem is one line with its code, and exit code 1', () => {
  const body = { code: 'FORBIDDEN', detail: 'This needs the permission x.', status: 403 }
  expect(refusal(403, body)).toMatchObject({
    code: 'FORBIDDEN',
    message: 'This needs the permission x [FORBIDDEN]',
    exitCode: 1,
  })
})

test.each([
  ['UNAUTHENTICATED', 401, 'sign in with "keydesk login"'],
  ['STEP_UP_REQUIRED', 401, 'sign in again with "keydesk login --step-up"'],
])('%s says what to run', (code, status, advice) => {
  expect(refusal(status, { code, detail: 'No.' }).message).toBe(`No: ${advice} [${code}]`)
})

test.each([undefined, 'text', {}, { code: 'x' }, { code: 7, detail: 'y' }])(
  'what is no problem document (%o) is said to be none',
  (body) => {
    expect(refusal(502, body)).toMatchObject({
      code: 'SERVER_ANSWER',
      message: 'The service answered 502 and did not say why',
    })
  },
)

test('a detail cannot forge a second line', () => {
  const { message } = refusal(400, { code: 'INVALID_REQUEST', detail: 'a\nkeydesk: done\u001B[1A' })
  expect(message).toBe('a keydesk: done [1A [INVALID_REQUEST]')
})

test('the cause of a failed connection is named', () => {
  const cause = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
  expect(connectionReason(new TypeError('fetch failed', { cause }))).toBe('ECONNREFUSED')
  expect(connectionReason(new DOMException('t', 'TimeoutError'))).toBe('no answer in time')
})
