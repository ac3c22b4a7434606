/**
 * The one error of the volume tools. Codes are stable; the message says what is wrong and what to
 * do. Invariant: neither ever holds a key, a password or bytes of the disk.
 */

/** Every code, for whoever documents or checks them. */
export const VOLUME_ERROR_CODES = [
  /** The file or device cannot be read or written. */
  'VOLUME_IO',
  /** Sector 0 is not that of a BitLocker volume. */
  'VOLUME_NOT_BITLOCKER',
  /** Windows Vista's format, version 1. */
  'VOLUME_VISTA',
  /** No usable metadata copy, or a structure that contradicts itself. */
  'VOLUME_DAMAGED',
  /** The metadata was changed by someone without the volume master key. */
  'VOLUME_NOT_AUTHENTIC',
  /** Another process holds the volume, or the system has it mounted or mapped. */
  'VOLUME_IN_USE',
  /** Not fully encrypted, or in a state that this program does not know. */
  'VOLUME_STATE',
  /** A clear key is present: the volume's protection is suspended. */
  'VOLUME_SUSPENDED',
  /** The volume changed between unlocking and this operation, or is another one. */
  'VOLUME_CHANGED',
  /** What was written does not read back. */
  'VOLUME_WRITE_UNVERIFIED',
  /** No room for another protector, or the nonce counter is used up. */
  'VOLUME_METADATA_FULL',
  /** The requested size, sector size or other option is not possible. */
  'VOLUME_OPTION',
  /** There is no such protector on the volume. */
  'PROTECTOR_NOT_FOUND',
  /** A protector with this ID is on the volume already. */
  'PROTECTOR_EXISTS',
  /** Removing it would leave no recovery password, or it is not a recovery password. */
  'PROTECTOR_KEPT',
  /** The bytes are no protector entry that this program can check. */
  'PROTECTOR_ENTRY',
  /** A key derivation that this program does not know. */
  'PROTECTOR_UNSUPPORTED',
  /** More protectors than one operation will try. */
  'PROTECTOR_LIMIT',
  /** The bytes are no .BEK startup key file. */
  'STARTUP_KEY',
] as const

export type VolumeErrorCode = (typeof VOLUME_ERROR_CODES)[number]

/** Why an operation on a volume was refused or failed. */
export class VolumeError extends Error {
  override readonly name = 'VolumeError'
  readonly code: VolumeErrorCode

  constructor(code: VolumeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
