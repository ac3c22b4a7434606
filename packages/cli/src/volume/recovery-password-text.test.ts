import { formatRecoveryPassword } from '@keydesk/bitlocker'
import { describe, expect, test } from 'vitest'

import { recoveryKeyInText } from './recovery-password-text.ts'

const PASSWORD = '235818-357951-253979-013365-241120-245575-342914-591910'
const OTHER = '478401-067859-043868-000935-121330-337425-718509-484979'

/** What Windows 11 saves, abridged. */
const WINDOWS_FILE = [
  'BitLocker Drive Encryption recovery key ',
  'To verify that this is the correct recovery key, compare the start of the following identifier',
  'Identifier:',
  '\t64311DEA-4587-4029-924A-BA299647998E',
  'Recovery Key:',
  `\t${PASSWORD}`,
  'If the above identifier matches the one displayed by your PC, then use the following key.',
].join('\r\n\r\n')

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const utf16 = (text: string): Uint8Array =>
  new Uint8Array(Buffer.from(`\u{FEFF}${text}`, 'utf16le'))

describe('recoveryKeyInText', () => {
  test.each([
    ['alone', utf8(PASSWORD)],
    ['with a line end', utf8(`${PASSWORD}\r\n`)],
    ['without hyphens', utf8(PASSWORD.replaceAll('-', ''))],
    ['with blanks', utf8(PASSWORD.replaceAll('-', ' '))],
    ['with a UTF-8 byte order mark', utf8(`\u{FEFF}${PASSWORD}\n`)],
    ['in UTF-16, as PowerShell redirects', utf16(`${PASSWORD}\r\n`)],
    ['in the file that Windows saves', utf16(WINDOWS_FILE)],
    ['in that file as UTF-8', utf8(WINDOWS_FILE)],
    ['twice the same', utf8(`${PASSWORD}\n${PASSWORD}\n`)],
  ])('finds the password %s', (_, file) => {
    expect(formatRecoveryPassword(recoveryKeyInText(file))).toBe(PASSWORD)
  })

  test.each([
    ['empty', utf8(' \n'), 'RECOVERY_PASSWORD_LENGTH', 'the input is empty'],
    ['two passwords', utf8(`${PASSWORD}\n${OTHER}`), 'RECOVERY_PASSWORD_LENGTH', 'several'],
    ['prose', utf8('no password in here'), 'RECOVERY_PASSWORD_LENGTH', '48 digits'],
    ['long prose', utf8('none '.repeat(200)), 'RECOVERY_PASSWORD_LENGTH', '48 digits'],
    ['a group short', utf8(PASSWORD.slice(7)), 'RECOVERY_PASSWORD_LENGTH', '48 digits'],
    ['a digit short', utf8(PASSWORD.slice(0, -1)), 'RECOVERY_PASSWORD_LENGTH', 'Group 8'],
    ['a letter', utf8(PASSWORD.replace('3', 'O')), 'RECOVERY_PASSWORD_DIGIT', 'Group 1'],
    ['a slip', utf8(PASSWORD.replace('253979', '253978')), 'RECOVERY_PASSWORD_CHECK', 'Group 3'],
    ['too large', utf8(PASSWORD.replace('013365', '720896')), 'RECOVERY_PASSWORD_RANGE', 'Group 4'],
    [
      'a slip in a saved file',
      utf16(WINDOWS_FILE.replace('342914', '342915')),
      'RECOVERY_PASSWORD_CHECK',
      'Group 7',
    ],
  ])('refuses %s without repeating any of it', (_, file, code, part) => {
    const failure = failureOf(() => recoveryKeyInText(file))
    expect(failure).toMatchObject({ code })
    expect(failure.message).toContain(part)
    expect(failure.message).not.toMatch(/\d{5}/)
  })
})

function failureOf(call: () => unknown): Error {
  try {
    call()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('it was accepted')
}
