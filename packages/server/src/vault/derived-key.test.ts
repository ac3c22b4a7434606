/** Keys for each purpose, and values that open only where they were sealed. */

import { expect, test } from 'vitest'
import { derivedKey, openValue, sealValue } from './derived-key.ts'
import { generateKeyring } from './keyring.ts'

const LABEL = 'keydesk test v1'
const ABOUT = ['table', 'row'] as const
const VALUE = Buffer.from('a value that nobody may read')
const keyring = generateKeyring()

test('a label gives the same key again, and another one gives another', () => {
  const key = derivedKey(keyring, LABEL).export()
  expect(derivedKey(keyring, LABEL).export()).toEqual(key)
  expect(derivedKey(keyring, 'keydesk test v2').export()).not.toEqual(key)
  expect(derivedKey(generateKeyring(), LABEL).export()).not.toEqual(key)
})

test('a value opens as it was sealed, and is not readable as it lies', () => {
  const sealed = sealValue(keyring, LABEL, ABOUT, VALUE)
  expect(openValue(keyring, LABEL, ABOUT, sealed)).toEqual(VALUE)
  expect(sealed.includes(VALUE)).toBe(false)
  expect(sealValue(keyring, LABEL, ABOUT, VALUE)).not.toEqual(sealed)
})

test('an empty value opens too', () => {
  const sealed = sealValue(keyring, LABEL, ABOUT, new Uint8Array())
  expect(openValue(keyring, LABEL, ABOUT, sealed)).toEqual(Buffer.alloc(0))
})

test('a value does not open in another row, for another purpose or in another deployment', () => {
  const sealed = sealValue(keyring, LABEL, ABOUT, VALUE)
  expect(openValue(keyring, LABEL, ['table', 'other'], sealed)).toBeUndefined()
  expect(openValue(keyring, LABEL, ['tab', 'lerow'], sealed)).toBeUndefined()
  expect(openValue(keyring, LABEL, ['table'], sealed)).toBeUndefined()
  expect(openValue(keyring, 'keydesk test v2', ABOUT, sealed)).toBeUndefined()
  expect(openValue(generateKeyring(), LABEL, ABOUT, sealed)).toBeUndefined()
})

test('every changed byte and every cut is noticed', () => {
  const sealed = sealValue(keyring, LABEL, ABOUT, VALUE)
  for (let index = 0; index < sealed.length; index += 1) {
    const changed = Buffer.from(sealed)
    changed[index] = (changed[index] ?? 0) ^ 1
    expect(openValue(keyring, LABEL, ABOUT, changed)).toBeUndefined()
    expect(openValue(keyring, LABEL, ABOUT, sealed.subarray(0, index))).toBeUndefined()
  }
})
