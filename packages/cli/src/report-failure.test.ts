import { CommanderError } from 'commander'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { CommandError } from './command-error.ts'
import { reportFailure } from './report-failure.ts'

const PASSWORD = '235818-357951-253979-013365-241120-245575-342914-591910'

let written = ''
beforeEach(() => {
  written = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written += String(text)
    return true
  })
})
afterEach(() => vi.restoreAllMocks())

describe('reportFailure', () => {
  test('people get one line, programs JSON', () => {
    const error = new CommandError('FILE_READ', 'a.txt does not exist')
    expect(reportFailure(error, { json: false, command: 'keydesk volume' })).toBe(2)
    expect(written).toBe('keydesk: a.txt does not exist.\n')
    written = ''
    reportFailure(error, { json: true, command: 'keydesk volume' })
    expect(JSON.parse(written)).toEqual({
      error: { code: 'FILE_READ', message: 'a.txt does not exist' },
    })
  })

  test.each([
    PASSWORD,
    PASSWORD.replaceAll('-', ' '),
    PASSWORD.replaceAll('-', ''),
    PASSWORD.slice(0, -1),
    PASSWORD.slice(7),
    `${PASSWORD}7`,
  ])('%s, typed where a file name belongs, is not repeated', (text) => {
    reportFailure(new CommandError('FILE_READ', `${text} does not exist`), {
      json: false,
      command: 'keydesk volume',
    })
    expect(written).toBe('keydesk: [hidden] does not exist.\n')
  })

  test('numbers and GUIDs are no passwords', () => {
    const message =
      'Bytes 105906176 to 105971712, 70368744177664 bytes, 11223344-1122-4122-8122-112233445566'
    reportFailure(new CommandError('USAGE', message), { json: false, command: 'keydesk volume' })
    expect(written).toBe(`keydesk: ${message}.\n`)
  })

  test('the value of an unknown option is not repeated', () => {
    const error = new CommanderError(
      1,
      'commander.unknownOption',
      "error: unknown option '--token=keydesk_scim_abc'\n(Did you mean --json?)",
    )
    expect(reportFailure(error, { json: true, command: 'keydesk volume' })).toBe(2)
    expect(JSON.parse(written)).toEqual({
      error: {
        code: 'USAGE',
        message: `Unknown option '--token'; "keydesk volume --help" says what there is`,
      },
    })
  })

  test('what is not expected is reported as a fault of the program', () => {
    expect(
      reportFailure(new TypeError('x is not a function'), {
        json: true,
        command: 'keydesk volume',
      }),
    ).toBe(2)
    expect(JSON.parse(written)).toMatchObject({ error: { code: 'INTERNAL' } })
  })
})
