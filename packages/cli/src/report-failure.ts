/**
 * The one place where a failure becomes text: `keydesk: …` for people, JSON for programs, both on
 * standard error. Invariant: whatever looks like a recovery password is blotted out, also one that
 * was typed where a file name or an option belongs.
 */
import { CommanderError } from 'commander'

import { CommandError, EXIT_FAILED } from './command-error.ts'

interface Failure {
  readonly code: string
  readonly message: string
  readonly exitCode: number
}

/** Coded errors of @keydesk/bitlocker; by name, so that nothing has to be loaded to ask. */
const CODED_ERRORS = new Set(['VolumeError', 'RecoveryPasswordError', 'RecoveryKeyIdError'])

/** Four groups are enough, with a digit too many or too few: a mistyped password is a password. */
const PASSWORD_LIKE = /(?<![\w-])\d{5,7}(?:[\s-]+\d{5,7}){3,}(?![\w-])|\d{40,}/g

interface ReportOptions {
  readonly json: boolean
  /** The command whose --help says more: `keydesk volume verify`. */
  readonly command: string
}

/** Writes the failure and returns the exit code. */
export function reportFailure(error: unknown, { json, command }: ReportOptions): number {
  const { code, message, exitCode } = failureOf(error, command)
  const text = message.replaceAll(PASSWORD_LIKE, '[hidden]')
  const line = json ? JSON.stringify({ error: { code, message: text } }) : `keydesk: ${text}.`
  process.stderr.write(`${line}\n`)
  return exitCode
}

function failureOf(error: unknown, command: string): Failure {
  if (error instanceof CommandError) return error
  if (error instanceof CommanderError) {
    return { code: 'USAGE', message: usageMessage(error, command), exitCode: EXIT_FAILED }
  }
  if (error instanceof Error && CODED_ERRORS.has(error.name) && 'code' in error) {
    return { code: String(error.code), message: error.message, exitCode: EXIT_FAILED }
  }
  const why = error instanceof Error ? `${error.name}: ${error.message}` : 'no error object'
  return {
    code: 'INTERNAL',
    message: `This is a fault of the program, please report it: ${why}`,
    exitCode: EXIT_FAILED,
  }
}

function usageMessage({ message }: CommanderError, command: string): string {
  const [first = ''] = message.replace(/^error: /, '').split('\n')
  const text = first
    // A value behind "=" may be a secret that somebody tried to pass.
    .replace(/^(unknown option '[^'=]*)=.*$/s, "$1'")
    .replace(/\.$/, '')
  const isAboutPassword = /unknown option '.*(password|key)/i.test(text)
  const hint = isAboutPassword
    ? '. Passwords come from a file or standard input (--recovery-password-file FILE or -), ' +
      'never from an argument, which others on this machine can see'
    : `; "${command} --help" says what there is`
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${hint}`
}
