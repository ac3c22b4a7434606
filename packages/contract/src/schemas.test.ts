/**
 * Goal: the schemas refuse what is not documented. Method: a good value each, and one defect at a
 * time.
 */
import { describe, expect, test } from 'vitest'
import { CheckInRequest } from './check-in.ts'
import { CreateDisclosure } from './disclosures.ts'
import { EnrollRequest } from './enrollment.ts'
import { EscrowRequest } from './escrow.ts'
import { MultilineText, Name, Search, Text } from './fields.ts'
import { matches } from './matches.ts'
import { RecoveryKeyQuery } from './recovery-keys.ts'

const guid = '4381f759-c4f8-4de0-bb61-fc33a831bda5'
const escrow = {
  volumeId: guid,
  volumeType: 'operatingSystem',
  protectorId: guid,
  sealedKey: 'A'.repeat(174),
}
const volume = {
  volumeId: guid,
  volumeType: 'fixed',
  mountPoint: 'D:',
  status: 'fullyEncrypted',
  protection: 'on',
  encryptionMethod: 'xts-aes-256',
  protectors: [{ id: guid, type: 'recoveryPassword' }],
}
const checkIn = { agentVersion: '1.0.0', device: { name: 'PC-1' }, volumes: [volume], actions: [] }

describe('escrow', () => {
  test('the documented form is accepted', () => {
    expect(matches(EscrowRequest, escrow)).toBe(true)
    expect(matches(EscrowRequest, { ...escrow, mountPoint: 'C:', protectorEntry: 'AAAA' })).toBe(
      true,
    )
  })
  test.each([
    ['an unknown field', { ...escrow, recoveryPassword: '1' }],
    ['a missing sealed key', { ...escrow, sealedKey: undefined }],
    ['a sealed key that is too long', { ...escrow, sealedKey: 'A'.repeat(175) }],
    ['padding', { ...escrow, sealedKey: 'A'.repeat(172) + '==' }],
    ['a GUID in upper case', { ...escrow, protectorId: guid.toUpperCase() }],
    ['a GUID in braces', { ...escrow, protectorId: `{${guid}}` }],
    ['an entry over 4 KiB', { ...escrow, protectorEntry: 'A'.repeat(5463) }],
    ['a mount point with a line break', { ...escrow, mountPoint: 'C:\n' }],
    ['a volume type that does not exist', { ...escrow, volumeType: 'network' }],
  ])('%s is refused', (_, value) => {
    expect(matches(EscrowRequest, value)).toBe(false)
  })
})

describe('check-in', () => {
  test('the documented form is accepted, with an unreadable protector list too', () => {
    expect(matches(CheckInRequest, checkIn)).toBe(true)
    const locked = { ...volume, status: 'unknown', protectors: null }
    expect(matches(CheckInRequest, { ...checkIn, volumes: [locked] })).toBe(true)
  })
  test.each([
    [
      'more volumes than the limit',
      { ...checkIn, volumes: Array.from({ length: 65 }, () => volume) },
    ],
    [
      'more protectors than the limit',
      {
        ...checkIn,
        volumes: [
          { ...volume, protectors: Array.from({ length: 33 }, () => volume.protectors[0]) },
        ],
      },
    ],
    ['a missing protector list', { ...checkIn, volumes: [{ ...volume, protectors: undefined }] }],
    ['a name with a control character', { ...checkIn, device: { name: 'a\u001b[2J' } }],
    ['an empty name', { ...checkIn, device: { name: '' } }],
  ])('%s is refused', (_, value) => {
    expect(matches(CheckInRequest, value)).toBe(false)
  })
})

test('a disclosure needs a reason from the list', () => {
  const good = { recoveryKeyId: guid, reason: { code: 'recoveryScreen' } }
  expect(matches(CreateDisclosure, good)).toBe(true)
  expect(matches(CreateDisclosure, { recoveryKeyId: guid })).toBe(false)
  expect(matches(CreateDisclosure, { ...good, reason: { code: 'because' } })).toBe(false)
  expect(matches(CreateDisclosure, { ...good, recoveryKeyId: guid.slice(0, 8) })).toBe(false)
})

test('enrolment needs a name, and takes either proof; the rule asks for exactly one', () => {
  expect(matches(EnrollRequest, { enrollmentToken: 'x', device: { name: 'PC-1' } })).toBe(true)
  expect(matches(EnrollRequest, { ownerAccessToken: 'x', device: { name: 'PC-1' } })).toBe(true)
  expect(matches(EnrollRequest, { enrollmentToken: 'x', device: {} })).toBe(false)
  expect(matches(EnrollRequest, { enrollmentToken: 'x', device: { name: 'PC-1' }, x: 1 })).toBe(
    false,
  )
})

test.each(['4381f759', '4381F759-C4F8', `{${guid.toUpperCase()}}`, guid])(
  'recovery keys are searched by %s',
  (keyId) => expect(matches(RecoveryKeyQuery, { keyId })).toBe(true),
)
test.each(['4381f75', 'zzzzzzzz', '4381f759%', "4381f759'--"])(
  'recovery keys are not searched by %s',
  (keyId) => expect(matches(RecoveryKeyQuery, { keyId })).toBe(false),
)

test.each([
  ['half a character', 'a\ud800'],
  ['the other half', '\udc00a'],
  ['NUL', 'a\0'],
  ['an escape', '\u009b31m'],
])('no text has %s in it', (_, text) => {
  for (const schema of [Text(10, ''), Name(10, ''), MultilineText(10, ''), Search('')]) {
    expect(matches(schema, text)).toBe(false)
    expect(matches(schema, 'a 💻 é')).toBe(true)
  }
})
