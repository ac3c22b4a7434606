/**
 * What people read: names of types, methods and states as Windows uses them, sizes, dates, GUIDs
 * in upper case as the recovery screen shows them. Invariant: no table is wider than 80 columns.
 */
import type { EncryptionMethod, ProtectorType, VolumeState } from '@keydesk/bitlocker/volume'

export const PROTECTOR_WORDS: Readonly<Record<ProtectorType, string>> = {
  recoveryPassword: 'Recovery password',
  tpm: 'TPM',
  tpmAndPin: 'TPM and PIN',
  startupKey: 'Startup key',
  password: 'Password',
  clearKey: 'Clear key',
  publicKey: 'Smart card',
  unknown: 'Unknown type',
}

export const METHOD_WORDS: Readonly<Record<EncryptionMethod, string>> = {
  'xts-aes-128': 'XTS-AES 128',
  'xts-aes-256': 'XTS-AES 256',
  'aes-cbc-128': 'AES 128',
  'aes-cbc-256': 'AES 256',
  'aes-cbc-128-diffuser': 'AES 128 with diffuser',
  'aes-cbc-256-diffuser': 'AES 256 with diffuser',
  unknown: 'unknown method',
}

export const STATE_WORDS: Readonly<Record<VolumeState, string>> = {
  fullyEncrypted: 'fully encrypted',
  fullyDecrypted: 'fully decrypted',
  encryptionInProgress: 'encryption in progress',
  decryptionInProgress: 'decryption in progress',
  encryptionPaused: 'encryption paused',
  decryptionPaused: 'decryption paused',
  unknown: 'unknown state',
}

/** As the recovery screen writes it. */
export function screenId(id: string): string {
  return id.toUpperCase()
}

/** 2026-11-22 09:30 UTC */
export function minuteOf(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** Text from a disk, which could otherwise give orders to the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '\uFFFD')
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** With one decimal where it is not whole: 64 MiB, 465.8 GiB. */
export function sizeInWords(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  const text = Number.isInteger(value) ? String(value) : value.toFixed(1)
  return `${text} ${UNITS[unit] ?? ''}`
}

/** Lines of label and value, the values aligned, indented by `indent`. */
export function table(rows: readonly (readonly [string, string])[], indent = ''): string {
  const width = Math.max(...rows.map(([label]) => label.length))
  return rows.map(([label, value]) => `${indent}${label.padEnd(width)}  ${value}\n`).join('')
}
