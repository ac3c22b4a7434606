import { describe, expect, test } from 'vitest'
import { createTestDatabase } from '../../../../test/support/test-database.ts'
import { openDeployment } from './deployment.ts'
import { generateKeyring } from './keyring.ts'

const NOW = new Date('2026-11-22T12:00:00Z')
const common = { vaultKeyFile: 'vault-key.json', now: NOW }

describe('openDeployment', () => {
  test('does the first run once, also when two servers are at it together', async () => {
    await using database = await createTestDatabase()
    const keyring = generateKeyring()
    let runs = 0
    const open = (): Promise<void> =>
      openDeployment({
        ...common,
        db: database.db,
        keyring,
        onFirstRun: async () => {
          runs += 1
        },
      })
    await Promise.all([open(), open(), open()])
    await open()
    expect(runs).toBe(1)
  })

  test('a first run that fails leaves no trace, and the next start does it again', async () => {
    await using database = await createTestDatabase()
    const options = { ...common, db: database.db, keyring: generateKeyring() }
    const crash = openDeployment({
      ...options,
      onFirstRun: () => Promise.reject(new Error('power cut')),
    })
    await expect(crash).rejects.toThrow('power cut')
    expect(await database.db.selectFrom('deployment').selectAll().execute()).toEqual([])
    let runs = 0
    await openDeployment({
      ...options,
      onFirstRun: async () => {
        runs += 1
      },
    })
    expect(runs).toBe(1)
  })

  test('refuses the keys of another deployment, naming the file and both keys', async () => {
    await using database = await createTestDatabase()
    const own = generateKeyring()
    const other = generateKeyring()
    const onFirstRun = async (): Promise<void> => undefined
    await openDeployment({ ...common, db: database.db, keyring: own, onFirstRun })
    for (const keyring of [other, { ...own, receiptKey: other.receiptKey }]) {
      await expect(
        openDeployment({ ...common, db: database.db, keyring, onFirstRun }),
      ).rejects.toThrow('The vault key file vault-key.json belongs to another deployment')
    }
  })
})
