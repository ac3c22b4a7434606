/**
 * Authenticator apps: time-based one-time passwords (RFC 6238; SHA-1, six digits, 30 seconds, which
 * is what every app can do). The code of the step before and after is taken too (§5.2), each only
 * once. The secret is stored sealed to its user.
 */

import { randomBytes } from 'node:crypto'
import { Secret as OtpSecret, TOTP } from 'otpauth'
import { encode } from 'uqr'
import { openValue, sealValue } from '../vault/derived-key.ts'
import type { Keyring } from '../vault/keyring.ts'

/** RFC 4226 §4 recommends 160 bits. */
const SECRET_BYTES = 20
const PERIOD_SECONDS = 30
const DIGITS = 6
const LABEL = 'keydesk totp secret v1'

export function createTotpSecret(): Buffer {
  return randomBytes(SECRET_BYTES)
}

/** What a person types who cannot scan: base32 in groups of four. */
export function spelledSecret(secret: Uint8Array): string {
  return secretOf(secret).base32.replaceAll(/(.{4})(?=.)/g, '$1 ')
}

export interface QrCode {
  /** Width and height in modules, with the quiet zone. */
  readonly size: number
  /** SVG path data of the dark modules, one unit each. */
  readonly path: string
}

/** The `otpauth:` address of the secret as a QR code. */
export function totpQrCode(secret: Uint8Array, issuer: string, account: string): QrCode {
  const uri = totpOf(secret, issuer, account).toString()
  const { size, data } = encode(uri, { ecc: 'M', border: 4 })
  const rows = data.map((row, y) => rowPath(row, y))
  return { size, path: rows.join('') }
}

/** One rectangle for each run of dark modules. */
function rowPath(row: readonly boolean[], y: number): string {
  const text = row.map((isDark) => (isDark ? '1' : '0')).join('')
  const runs = [...text.matchAll(/1+/g)]
  return runs.map(({ 0: run, index }) => `M${index} ${y}h${run.length}v1h-${run.length}z`).join('')
}

/** The step whose code this is, near `now`; undefined: it is none of them. */
export function totpStep(secret: Uint8Array, code: string, now: Date): number | undefined {
  const token = code.replaceAll(/\s/g, '')
  if (!/^\d{6}$/.test(token)) return undefined
  const timestamp = now.getTime()
  const delta = totpOf(secret).validate({ token, timestamp, window: 1 })
  return delta === null ? undefined : Math.floor(timestamp / 1000 / PERIOD_SECONDS) + delta
}

export function sealTotpSecret(keyring: Keyring, userId: string, secret: Uint8Array): Buffer {
  return sealValue(keyring, LABEL, ['account_totp', userId], secret)
}

/** Undefined: the row was not written for this user by this deployment. */
export function openTotpSecret(
  keyring: Keyring,
  userId: string,
  sealed: Uint8Array,
): Buffer | undefined {
  return openValue(keyring, LABEL, ['account_totp', userId], sealed)
}

function totpOf(secret: Uint8Array, issuer = 'Keydesk', label = ''): TOTP {
  return new TOTP({
    issuer,
    label,
    secret: secretOf(secret),
    algorithm: 'SHA1',
    digits: DIGITS,
    period: PERIOD_SECONDS,
  })
}

function secretOf(secret: Uint8Array): OtpSecret {
  return new OtpSecret({ buffer: Uint8Array.from(secret).buffer })
}
