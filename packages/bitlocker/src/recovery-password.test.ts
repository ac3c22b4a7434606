import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { guidFromBytes, guidToBytes, isGuid } from './guid.ts'
import { recoveryKeyInitial } from './password-key.ts'
import { parseRecoveryKeyId, RecoveryKeyIdError } from './recovery-key-id.ts'
import {
  formatRecoveryPassword,
  generateRecoveryKey,
  parseRecoveryPassword,
  RecoveryPasswordError,
} from './recovery-password.ts'
import { stretch } from './stretch.ts'
import { protectorEntryId, verifyProtectorEntry } from './verify-protector-entry.ts'

interface Vectors {
  valid: { text: string; recoveryKey: string }[]
  invalid: { text: string; code: string; group?: number }[]
  ids: { text: string; id?: string; prefix?: string }[]
  invalidIds: { text: string; code: string }[]
  guids: { text: string; stored: string }[]
  stretch: { initial: string; salt: string; recoveryKey?: string; key: string }[]
  protectorEntries: { entry: string; protectorId: string; recoveryKey: string; opens: boolean }[]
}

const PATH = join(import.meta.dirname, '../../../docs/spec/recovery-password/vectors.json')
const vectors = JSON.parse(readFileSync(PATH, 'utf8')) as Vectors

const hex = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
const bytesOf = (text: string) =>
  Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))

function failureOf(call: () => unknown): Error {
  try {
    call()
  } catch (error) {
    return error as Error
  }
  throw new Error('this should have been refused')
}

describe('recovery passwords', () => {
  test.each(vectors.valid)('$text', ({ text, recoveryKey }) => {
    expect(hex(parseRecoveryPassword(text))).toBe(recoveryKey)
  })

  test.each(vectors.invalid)('$text: $code', ({ text, code, group }) => {
    const failure = failureOf(() => parseRecoveryPassword(text))
    expect(failure).toBeInstanceOf(RecoveryPasswordError)
    expect(failure).toMatchObject({ code })
    expect((failure as RecoveryPasswordError).group).toBe(group)
  })

  test('the message names the group and what is wrong with it', () => {
    const wrong = (third: string) => {
      const groups = Array.from({ length: 8 }, (_, index) => (index === 2 ? third : '000011'))
      return failureOf(() => parseRecoveryPassword(groups.join('-'))).message
    }
    expect(wrong('00001')).toBe('Group 3 has 5 digits instead of 6')
    expect(wrong('0000l1')).toBe('Group 3 has a character that is not a digit')
    expect(wrong('000012')).toBe('Group 3 is not a multiple of 11: one of its digits is wrong')
    expect(wrong('720896')).toBe('Group 3 is too large: check its digits')
  })

  test('no error repeats what was typed', () => {
    const typo = fc.tuple(fc.nat(54), fc.constantFrom('0', '5', '9', 'x'))
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), typo, (key, [at, character]) => {
        const text = formatRecoveryPassword(key)
        const typed = text.slice(0, at) + character + text.slice(at + 1)
        const message = accepts(typed) ? '' : failureOf(() => parseRecoveryPassword(typed)).message
        expect(typed.split('-').filter((group) => message.includes(group))).toEqual([])
      }),
    )
  })

  test('formatting and parsing are inverse', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (key) => {
        const text = formatRecoveryPassword(key)
        expect(text).toMatch(/^(\d{6}-){7}\d{6}$/)
        expect(parseRecoveryPassword(text)).toEqual(new Uint8Array(key))
      }),
    )
  })

  test('any one wrong digit and any two swapped neighbours are noticed', () => {
    const digitAt = fc.nat(47)
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        digitAt,
        fc.integer({ min: 1, max: 9 }),
        (key, at, shift) => {
          const digits = formatRecoveryPassword(key).replaceAll('-', '').split('')
          const changed = digits.with(at, String((Number(digits[at]) + shift) % 10))
          expect(() => parseRecoveryPassword(changed.join(''))).toThrow(RecoveryPasswordError)
          const next = at % 6 === 5 ? at - 1 : at + 1
          const swapped = digits.with(at, digits[next]!).with(next, digits[at]!)
          const noticed = digits[at] === digits[next]
          expect(accepts(swapped.join(''))).toBe(noticed)
        },
      ),
    )
  })

  test('a key of another length is refused', () => {
    expect(() => formatRecoveryPassword(new Uint8Array(15))).toThrow('A recovery key has 16 bytes')
  })

  test('new keys differ', () => {
    const keys = Array.from({ length: 100 }, () => hex(generateRecoveryKey()))
    expect(new Set(keys).size).toBe(100)
    expect(keys.every((key) => key.length === 32)).toBe(true)
  })
})

function accepts(text: string): boolean {
  try {
    parseRecoveryPassword(text)
    return true
  } catch {
    return false
  }
}

describe('recovery key IDs', () => {
  test.each(vectors.ids)('$text', ({ text, ...expected }) => {
    expect(parseRecoveryKeyId(text)).toEqual(expected)
  })

  test.each(vectors.invalidIds)('$text: $code', ({ text, code }) => {
    const failure = failureOf(() => parseRecoveryKeyId(text))
    expect(failure).toBeInstanceOf(RecoveryKeyIdError)
    expect(failure).toMatchObject({ code })
  })

  test('every prefix of an ID finds it', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.integer({ min: 8, max: 36 }), (id, length) => {
        const parsed = parseRecoveryKeyId(id.slice(0, length).toUpperCase())
        const found = 'id' in parsed ? parsed.id : parsed.prefix
        expect(id.startsWith(found)).toBe(true)
      }),
    )
  })
})

describe('GUIDs', () => {
  test.each(vectors.guids)('$text', ({ text, stored }) => {
    expect(hex(guidToBytes(text))).toBe(stored)
    expect(hex(guidToBytes(`{${text.toUpperCase()}}`))).toBe(stored)
    expect(guidFromBytes(bytesOf(stored))).toBe(text)
    expect(isGuid(text)).toBe(true)
    expect(isGuid(text.toUpperCase())).toBe(false)
  })

  test('anything else is refused', () => {
    expect(() => guidToBytes('{64311dea-4587-4029-924a-ba299647998e')).toThrow('This is not a GUID')
    expect(() => guidFromBytes(new Uint8Array(15))).toThrow('A GUID has 16 bytes')
  })
})

describe('from the password to the key', () => {
  test.each(vectors.stretch)('salt $salt', async ({ initial, salt, recoveryKey, key }) => {
    expect(hex(await stretch(bytesOf(initial), bytesOf(salt)))).toBe(key)
    const started =
      recoveryKey === undefined ? initial : hex(recoveryKeyInitial(bytesOf(recoveryKey)))
    expect(started).toBe(initial)
  })

  test.each(vectors.protectorEntries)(
    'the proof of a key: opens = $opens',
    async ({ entry, protectorId, recoveryKey, opens }) => {
      expect(protectorEntryId(bytesOf(entry))).toBe(protectorId)
      expect(await verifyProtectorEntry(bytesOf(entry), bytesOf(recoveryKey))).toBe(opens)
    },
  )

  test('an entry that is none is refused with a reason', async () => {
    const entry = bytesOf(vectors.protectorEntries[0]!.entry)
    const refusal = (bytes: Uint8Array) => verifyProtectorEntry(bytes, new Uint8Array(16))
    const password = entry.slice()
    password[35] = 0x20
    const cases: [Uint8Array, string][] = [
      [new Uint8Array(4097), 'it is longer than 4096 bytes'],
      [new Uint8Array(), 'it is not exactly one entry'],
      [Uint8Array.from([...entry, ...entry]), 'it is not exactly one entry'],
      [entry.slice(0, 100), 'its contents are incomplete'],
      [password, 'it is not a recovery password protector'],
    ]
    for (const [bytes, why] of cases) {
      await expect(refusal(bytes)).rejects.toMatchObject({
        code: 'PROTECTOR_ENTRY',
        message: `This is not the entry of a recovery password: ${why}`,
      })
    }
  })

  test('another derivation (FIPS mode) is refused, not tried', async () => {
    const entry = bytesOf(vectors.protectorEntries[0]!.entry)
    entry[36 + 34 + 10] = 0x40
    await expect(verifyProtectorEntry(entry, new Uint8Array(16))).rejects.toMatchObject({
      code: 'PROTECTOR_UNSUPPORTED',
      message: 'This protector derives its key in a way that is not supported (FIPS mode)',
    })
  })
})
