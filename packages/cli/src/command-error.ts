/**
 * Why a command ended without doing its work. `code` is stable and machine-readable; the message is
 * one sentence that says what is wrong and what to do. Invariant: no secret is in either.
 * Errors of @keydesk/bitlocker and of the service keep their own codes.
 */
import type { RecoveryPasswordErrorCode } from '@keydesk/bitlocker'
import type { VolumeErrorCode } from '@keydesk/bitlocker/volume'
import type { ErrorCode } from '@keydesk/contract'

/** The command's own codes; README.md says what to do about each. */
export const COMMAND_ERROR_CODES = [
  /** The command line itself. */
  'USAGE',
  /** A file other than the volume cannot be read. */
  'FILE_READ',
  /** A file other than the volume cannot be written. */
  'FILE_WRITE',
  /** A file is in the place where a new one is to be written. */
  'FILE_EXISTS',
  /** Standard output cannot be written. */
  'OUTPUT',
  'SIZE_INVALID',
  /** The disk has several BitLocker partitions, or not this one. */
  'PARTITION',
  /** Which protector to replace is not clear, or it is not there. */
  'PROTECTOR_CHOICE',
  /** The recovery password or startup key does not unlock the volume. */
  'CREDENTIAL_REFUSED',
  /** The new recovery password is on the volume, and the old one may be, too. */
  'ROTATION_HALF_DONE',
  /** There is no sign-in for the service, or it has ended. */
  'NOT_SIGNED_IN',
  /** The issuer refused the sign-in, or nobody approved it. */
  'SIGN_IN_FAILED',
  /** The file of sign-ins cannot be used. */
  'SESSION_FILE',
  /** No connection to the service or the issuer, or no answer in time. */
  'SERVER_UNREACHABLE',
  /** The answer is none of a Keydesk service or of its issuer. */
  'SERVER_ANSWER',
  /** Nothing, or more than one thing, has the name that was given. */
  'NAME_NOT_FOUND',
  'NAME_AMBIGUOUS',
  /** The CSV file was not imported. */
  'IMPORT_REFUSED',
  'INTERRUPTED',
  /** A fault of the program. */
  'INTERNAL',
] as const

export type CommandErrorCode =
  | (typeof COMMAND_ERROR_CODES)[number]
  | RecoveryPasswordErrorCode
  | VolumeErrorCode
  | ErrorCode

/** The exit code for everything but a credential that does not unlock. */
export const EXIT_FAILED = 2
/** The volume is readable and the credential does not unlock it, or the service refused. */
export const EXIT_REFUSED = 1

export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly code: CommandErrorCode
  readonly exitCode: number

  constructor(
    code: CommandErrorCode,
    message: string,
    options: ErrorOptions & { readonly exitCode?: number } = {},
  ) {
    super(message, options)
    this.code = code
    this.exitCode = options.exitCode ?? EXIT_FAILED
  }
}
