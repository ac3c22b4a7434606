import { Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { withoutSecrets } from '../http/secret-text.ts'
import { Secret } from '../http/secret.ts'
import { createLog } from './log.ts'

const PASSWORD = '471207-278498-422125-177177-561902-537405-468006-693451'

function capture(format: 'json' | 'text'): {
  log: ReturnType<typeof createLog>
  text: () => string
} {
  let text = ''
  const destination = new Writable({
    write(chunk: Buffer, _, done) {
      text += chunk.toString()
      done()
    },
  })
  return { log: createLog({ level: 'debug', format, destination }), text: () => text }
}

describe.each(['json', 'text'] as const)('a log in format %s', (format) => {
  test('keeps secrets out of errors, their causes and their properties', () => {
    const { log, text } = capture(format)
    const inner = Object.assign(new Error(`duplicate key (password)=(${PASSWORD})`), {
      code: '23505',
      detail: PASSWORD,
      parameters: [PASSWORD],
    })
    const error = new Error('postgres://keydesk:hunter22@db.keydesk.example/x refused', {
      cause: inner,
    })
    log.error({ err: error }, 'failed')
    expect(text()).toContain('23505')
    expect(text()).toContain('postgres://[redacted]@db.keydesk.example/x refused')
    expect(text()).not.toContain('471207')
    expect(text()).not.toContain('hunter22')
  })

  test('withholds what a JSON syntax error quotes', () => {
    const { log, text } = capture(format)
    try {
      JSON.parse(`{"recoveryPassword": "${PASSWORD.slice(0, 8)}`)
    } catch (error) {
      log.error({ err: error }, 'failed')
    }
    expect(text()).toContain('withheld')
    expect(text()).not.toContain('471207')
  })

  test('drops request and response objects', () => {
    const { log, text } = capture(format)
    log.info({ req: { url: `/x?${PASSWORD}` }, res: { body: PASSWORD } }, 'seen')
    expect(text()).not.toContain('471207')
  })

  test('prints a Secret as [secret]', () => {
    const { log, text } = capture(format)
    log.info({ token: new Secret('keydesk_scim_x') }, 'made')
    expect(text()).toContain('[secret]')
    expect(text()).not.toContain('keydesk_scim_x')
  })

  test('puts each entry on one line, whatever it holds', () => {
    const { log, text } = capture(format)
    log.info({ name: 'a\nERROR forged\u001b[2J' }, 'line\nforged')
    const line = text().trimEnd()
    expect(line).not.toContain('\n')
    expect(line).not.toContain('\u001b')
  })
})

describe('withoutSecrets', () => {
  test.each([
    PASSWORD,
    PASSWORD.replaceAll('-', ''),
    PASSWORD.replaceAll('-', ' '),
    PASSWORD.replaceAll('-', ' - '),
    encodeURIComponent(PASSWORD.replaceAll('-', ' ')),
    PASSWORD.slice(0, 30),
  ])('takes out %j', (text) => {
    const left = withoutSecrets(`value "${text}" is wrong`)
    expect(left).toMatch(/^value "\[redacted\]" is wrong$/)
  })

  test('takes out tokens of every kind', () => {
    const text =
      'Authorization: Bearer abc.def, keydesk_enroll_Zm9v-_x, ' +
      'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln'
    expect(withoutSecrets(text)).toBe('Authorization: [redacted], [redacted], [redacted]')
  })

  test('leaves times, GUIDs and short numbers alone', () => {
    const text =
      'at 2026-11-22T10:15:02.123Z device 7b1d6f0e-5c3a-4b8e-9d2f-1a6c4e8b0d35 port 54321'
    expect(withoutSecrets(text)).toBe(text)
  })
})
