import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StartError } from '../errors.ts'
import { createKeyring, loadKeyring } from './keyring-file.ts'
import { openKeyring } from './open-keyring.ts'

const NOW = new Date('2026-11-22T12:00:00Z')

let directory = ''
let path = ''

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keydesk-keyring-'))
  path = join(directory, 'vault-key.json')
})

afterEach(() => rmSync(directory, { recursive: true }))

interface StoredKey {
  id: string
  privateKey: Record<string, string>
}

type Stored = Record<string, unknown> & { vaultKey: StoredKey; receiptKey: StoredKey }

/** Writes the file again with a change made to it. */
function change(edit: (stored: Stored) => void): void {
  const stored = JSON.parse(readFileSync(path, 'utf8')) as Stored
  edit(stored)
  writeFileSync(path, JSON.stringify(stored))
}

describe('createKeyring', () => {
  test('makes a private file that loads as the same keys', () => {
    const made = createKeyring(path, NOW)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readdirSync(directory)).toEqual(['vault-key.json'])
    const loaded = loadKeyring(path)
    expect(loaded?.vaultKey.publicJwk).toEqual(made.vaultKey.publicJwk)
    expect(loaded?.receiptKey.id).toBe(made.receiptKey.id)
    expect(made.vaultKey.publicJwk.crv).toBe('P-256')
    expect(made.receiptKey.publicJwk.crv).toBe('Ed25519')
  })

  test('never replaces a file: who comes second gets the first one', () => {
    const first = createKeyring(path, NOW)
    expect(createKeyring(path, NOW).vaultKey.id).toBe(first.vaultKey.id)
  })

  test('says where it cannot write', () => {
    const missing = join(directory, 'no', 'vault-key.json')
    expect(() => createKeyring(missing, NOW)).toThrow(
      `The vault key file ${missing} cannot be written (ENOENT).`,
    )
  })
})

describe('loadKeyring', () => {
  test('is undefined where there is no file', () => {
    expect(loadKeyring(path)).toBeUndefined()
  })

  test.each([0o640, 0o604, 0o660, 0o610])(
    'refuses mode %o with the command that mends it',
    (mode) => {
      createKeyring(path, NOW)
      chmodSync(path, mode)
      expect(() => loadKeyring(path)).toThrow(`Run: chmod 600 ${path}`)
    },
  )

  const damages: Readonly<Record<string, (stored: Stored) => void>> = {
    'another format': (stored) => (stored['format'] = 'other'),
    'a later version': (stored) => (stored['version'] = 2),
    'an unknown member': (stored) => (stored['extra'] = true),
    'a missing key': (stored) => Reflect.deleteProperty(stored, 'receiptKey'),
    'keys that changed places': (stored) =>
      Object.assign(stored, { vaultKey: stored.receiptKey, receiptKey: stored.vaultKey }),
    'an ID that is not its key': (stored) => (stored.vaultKey.id = stored.receiptKey.id),
    'a public half that is not its private one': (stored) =>
      (stored.vaultKey.privateKey['x'] = stored.vaultKey.privateKey['y'] ?? ''),
    'a private half that is cut': (stored) => (stored.vaultKey.privateKey['d'] = 'AAAA'),
  }

  test.each(Object.entries(damages))('refuses %s, and quotes nothing', (_, damage) => {
    createKeyring(path, NOW)
    const secret = (JSON.parse(readFileSync(path, 'utf8')) as Stored).vaultKey.privateKey['d'] ?? ''
    change(damage)
    expect(() => loadKeyring(path)).toThrow(StartError)
    expect(() => loadKeyring(path)).toThrow('is damaged or is not one. Restore it from a backup')
    expect(() => loadKeyring(path)).not.toThrow(secret)
  })

  test('refuses a file that is cut, and quotes nothing', () => {
    createKeyring(path, NOW)
    const text = readFileSync(path, 'utf8')
    for (const length of [0, 1, text.length >> 1, text.length - 3]) {
      writeFileSync(path, text.slice(0, length))
      expect(() => loadKeyring(path)).toThrow(
        `The vault key file ${path} is damaged or is not one. Restore it from a backup; ` +
          'a new one could not open what is stored.',
      )
    }
  })
})

describe('openKeyring', () => {
  test('makes a key where there is no database, and none where there is one', () => {
    expect(() =>
      openKeyring({ path, now: NOW, existingDatabase: join(directory, 'postgres') }),
    ).toThrow(`The vault key file ${path} is missing, but there is a database`)
    expect(readdirSync(directory)).toEqual([])
    const made = openKeyring({ path, now: NOW, existingDatabase: undefined })
    const again = openKeyring({ path, now: NOW, existingDatabase: join(directory, 'postgres') })
    expect(again.vaultKey.id).toBe(made.vaultKey.id)
  })
})
