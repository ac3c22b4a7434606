/**
 * @keydesk/bitlocker/stretch: the password stretch of BitLocker, 2^20 SHA-256 rounds over 88 bytes,
 * off the event loop. Source of truth: docs/spec/recovery-password.md, "From the password to the
 * key of a protector". How it was made fast: docs/adr/0003-password-stretching.md.
 */
import { runStretch, startStretchThread } from './stretch-thread.ts'
import type { StretchOptions } from './stretch-thread.ts'

const STRETCH_ROUNDS = 0x100000

/**
 * Stretches a 32-byte initial hash with the protector's 16-byte salt to the 32-byte key that
 * unwraps the VMK. Takes about a third of a second of one core. Rejects with the signal's reason
 * when that aborts. The caller owns and wipes input and result.
 */
export async function stretch(
  initial: Uint8Array,
  salt: Uint8Array,
  options: StretchOptions = {},
): Promise<Uint8Array> {
  if (initial.length !== 32) throw new RangeError('initial must be 32 bytes')
  if (salt.length !== 16) throw new RangeError('salt must be 16 bytes')
  return await runStretch({ initial, salt, rounds: STRETCH_ROUNDS }, options)
}

/**
 * Starts the thread in advance: for a program that will stretch soon and has other things to load
 * meanwhile.
 */
export function prepareStretch(): void {
  startStretchThread()
}
