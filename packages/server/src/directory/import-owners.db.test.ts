/** Owners from a CSV file: an import makes nobody the owner whom the API would not. */

import { randomUUID } from 'node:crypto'
import type { ImportResult } from '@keydesk/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DirectoryTest, type Call } from '../testing/directory-test.ts'
import { insertTestUser } from '../testing/test-people.ts'

const SEE_DEVICES = 'microsoft.directory/devices/standard/read'
const CHANGE_OWNERS = 'microsoft.directory/devices/registeredOwners/update'
const READ_KEYS = 'microsoft.directory/bitlockerKeys/key/read'
const MANAGE_GROUPS = 'keydesk/deviceGroups/manage'

let directory: DirectoryTest
beforeAll(async () => {
  directory = await DirectoryTest.start()
})
afterAll(async () => directory[Symbol.asyncDispose]())

async function personNamed(name: string): Promise<string> {
  return await insertTestUser(directory.service.deps.db, { user_principal_name: name })
}

/** Each device with the name of its owner. */
async function upload(
  as: Call,
  owners: readonly (readonly [deviceId: string, owner: string])[],
  query = '',
): Promise<ImportResult> {
  const csv = ['deviceId,owner', ...owners.map((row) => row.join(',')), ''].join('\r\n')
  const response = await as('POST', `/api/v1/devices/import${query}`, csv)
  expect(response.statusCode).toBe(200)
  return response.json<ImportResult>()
}

async function ownerOf(deviceId: string): Promise<string | null> {
  const { owner_id: ownerId } = await directory.service.deps.db
    .selectFrom('device')
    .select('owner_id')
    .where('id', '=', deviceId)
    .executeTakeFirstOrThrow()
  return ownerId
}

const refused = (message: string) => ({
  applied: false,
  errors: [{ line: 2, column: 'owner', message }],
})

test('nobody makes himself the owner', async () => {
  const { deviceId } = await directory.service.device()
  const caller = await directory.caller([SEE_DEVICES, CHANGE_OWNERS, READ_KEYS])
  const me = `${randomUUID()}@keydesk.example`
  await directory.service.deps.db
    .updateTable('directory_user')
    .set({ user_principal_name: me })
    .where('id', '=', caller.userId)
    .execute()
  const refusal = refused('Somebody else has to make you its owner.')
  expect(await upload(caller, [[deviceId, me]])).toMatchObject(refusal)
  expect(await ownerOf(deviceId)).toBeNull()
  await directory.setOwner(deviceId, caller.userId)
  expect(await upload(caller, [[deviceId, me]])).toMatchObject({ applied: true, unchanged: 1 })
})

test('whoever may not read the key makes nobody the owner, but may take the owner away', async () => {
  const { deviceId } = await directory.service.device()
  const owner = `${randomUUID()}@keydesk.example`
  const ownerId = await personNamed(owner)
  const caller = await directory.caller([SEE_DEVICES, CHANGE_OWNERS])
  const refusal = refused(`To name an owner needs the permission ${READ_KEYS} too.`)
  expect(await upload(caller, [[deviceId, owner]])).toMatchObject(refusal)
  expect(await ownerOf(deviceId)).toBeNull()
  await directory.setOwner(deviceId, ownerId)
  expect(await upload(caller, [[deviceId, '']])).toMatchObject({ applied: true, updated: 1 })
  expect(await ownerOf(deviceId)).toBeNull()
})

test('a dry run does not tell who exists to whoever may not change owners', async () => {
  const { deviceId } = await directory.service.device()
  const known = `${randomUUID()}@keydesk.example`
  await personNamed(known)
  const grouper = await directory.caller([SEE_DEVICES, MANAGE_GROUPS])
  const changer = await directory.caller([SEE_DEVICES, CHANGE_OWNERS])
  for (const [caller, message] of [
    [grouper, 'You may not change the owner of this device.'],
    [changer, `To name an owner needs the permission ${READ_KEYS} too.`],
  ] as const) {
    for (const owner of [known, `${randomUUID()}@keydesk.example`]) {
      const result = await upload(caller, [[deviceId, owner]], '?dryRun=true')
      expect(result).toMatchObject(refused(message))
    }
  }
})
