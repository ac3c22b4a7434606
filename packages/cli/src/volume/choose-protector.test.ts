import type { ProtectorType, Volume } from '@keydesk/bitlocker/volume'
import { describe, expect, test } from 'vitest'

import { namedProtector, onlyProtector } from './choose-protector.ts'

const FIRST = 'e7e48bae-ff13-4f14-8222-971d469fae0d'
const SECOND = 'b7adc334-fe6d-4ae4-b5c4-1c1d0dbc335b'
/** The same first 8 characters as SECOND. */
const THIRD = 'b7adc334-0000-4ae4-b5c4-1c1d0dbc335b'
const TPM = '2a9089bc-1e0f-4db4-ab28-323d58789d4b'

function volumeWith(...ids: readonly string[]): Volume {
  const protector = (id: string, type: ProtectorType) => ({
    id,
    type,
    modifiedAt: new Date(0),
    entry: new Uint8Array(),
  })
  return {
    volumeId: '316a9dd0-5d5d-48fb-a2e8-0a02bb08701c',
    encryptionMethod: 'xts-aes-128',
    state: 'fullyEncrypted',
    description: '',
    createdAt: new Date(0),
    sectorSize: 512,
    size: 2 ** 26,
    metadata: [],
    protectors: [protector(TPM, 'tpm'), ...ids.map((id) => protector(id, 'recoveryPassword'))],
  }
}

describe('namedProtector', () => {
  test.each([FIRST, `{${FIRST.toUpperCase()}}`, 'E7E48BAE'])('takes %s', (text) => {
    expect(namedProtector(volumeWith(FIRST, SECOND), text)).toBe(FIRST)
  })

  test('refuses an ID that is not there, and says which are', () => {
    expect(() => namedProtector(volumeWith(FIRST), SECOND)).toThrow(
      expect.objectContaining({
        code: 'PROTECTOR_CHOICE',
        message: `The volume has no recovery password with this recovery key ID; it has ${FIRST.toUpperCase()}`,
      }),
    )
    expect(() => namedProtector(volumeWith(), FIRST)).toThrow(/it has none at all$/)
  })

  test('refuses a beginning that fits two', () => {
    expect(() => namedProtector(volumeWith(SECOND, THIRD), 'b7adc334')).toThrow(
      expect.objectContaining({
        code: 'PROTECTOR_CHOICE',
        message: `The volume has several recovery passwords with this recovery key ID; it has ${SECOND.toUpperCase()}, ${THIRD.toUpperCase()}`,
      }),
    )
  })

  test('never takes a protector of another type', () => {
    expect(() => namedProtector(volumeWith(FIRST), TPM)).toThrow(
      expect.objectContaining({ code: 'PROTECTOR_CHOICE' }),
    )
  })

  test('refuses what is no recovery key ID', () => {
    expect(() => namedProtector(volumeWith(FIRST), 'e7e4')).toThrow(
      expect.objectContaining({ code: 'RECOVERY_KEY_ID_TOO_SHORT' }),
    )
  })
})

describe('onlyProtector', () => {
  test('takes the only one, or none', () => {
    expect(onlyProtector(volumeWith(FIRST))).toBe(FIRST)
    expect(onlyProtector(volumeWith())).toBeUndefined()
  })

  test('refuses to choose between two, and lists them', () => {
    expect(() => onlyProtector(volumeWith(FIRST, SECOND))).toThrow(
      expect.objectContaining({
        code: 'PROTECTOR_CHOICE',
        message: `The volume has 2 recovery passwords; say with --protector which one to replace: ${FIRST.toUpperCase()} or ${SECOND.toUpperCase()}`,
      }),
    )
  })
})
