/**
 * CSV: what is exported is imported as it was, errors name their line, nothing is half applied, a
 * dry run changes nothing, and an import allows nothing that the API refuses.
 */

import { randomUUID } from 'node:crypto'
import type { Group, ImportResult, UserPage } from '@keydesk/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DirectoryTest, type Call } from '../testing/directory-test.ts'
import { insertTestUser } from '../testing/test-people.ts'
import { insertTestUnit } from '../testing/test-scopes.ts'

const SEE_DEVICES = 'microsoft.directory/devices/standard/read'
const CHANGE_OWNERS = 'microsoft.directory/devices/registeredOwners/update'
const READ_KEYS = 'microsoft.directory/bitlockerKeys/key/read'
const GLOBAL_READER = 'f2ef992c-3afb-46b9-b7cf-a126ee74c451'

let directory: DirectoryTest
beforeAll(async () => {
  directory = await DirectoryTest.start()
})
afterAll(async () => directory[Symbol.asyncDispose]())

const lines = (...rows: string[]): string => `${rows.join('\r\n')}\r\n`
const upload = async (
  path: string,
  csv: string,
  { as = directory.admin, query = '' }: { as?: Call; query?: string } = {},
): Promise<ImportResult> => {
  const response = await as('POST', `/api/v1/${path}/import${query}`, csv)
  expect(response.statusCode).toBe(200)
  return response.json<ImportResult>()
}
const refused = (line: number, message: string, column?: string) => ({
  applied: false,
  errors: expect.arrayContaining([
    {
      line,
      ...(column === undefined ? {} : { column }),
      message: expect.stringContaining(message) as string,
    },
  ]) as ImportResult['errors'],
})

/** Everything in the directory's tables, and the log. */
async function contents(): Promise<string> {
  const tables = [
    'principal',
    'directory_user',
    'directory_group',
    'group_member',
    'device',
    'rotation',
    'device_set',
    'device_set_member',
    'device_owner_change',
    'audit_entry',
  ]
  const all = []
  for (const table of tables) {
    const { rows } = await sql`select t::text from ${sql.table(table)} t order by 1`.execute(
      directory.service.deps.db,
    )
    all.push(rows)
  }
  return JSON.stringify(all)
}

const name = (): string => `u${randomUUID().slice(0, 8)}@keydesk.example`
const HEADER = 'userPrincipalName,displayName,mail,isActive'

describe('users', () => {
  test('are added, changed, and left alone', async () => {
    const [one, two] = [name(), name()]
    const first = await upload(
      'users',
      lines(HEADER, `${one},"Müller, Anna",${one},true`, `${two},Bob,,FALSE`),
    )
    expect(first).toMatchObject({ applied: true, created: 2, updated: 0, unchanged: 0 })
    const again = await upload(
      'users',
      `\uFEFF${lines('"DisplayName";USERPRINCIPALNAME', `"Müller, Anna";${one}`, `Bobby;${two.toUpperCase()}`)}`,
    )
    // The principal name changed its case, the display name changed: one user.
    expect(again).toMatchObject({ applied: true, created: 0, updated: 1, unchanged: 1 })
    const found = await directory.admin('GET', `/api/v1/users?search=${two}`)
    const [user] = found.json<UserPage>().items
    expect(user).toMatchObject({ displayName: 'Bobby', isActive: false })
    expect(await directory.entriesOf('user.create', { userId: user!.id })).toHaveLength(1)
    expect(await directory.entriesOf('user.update', { userId: user!.id })).toHaveLength(1)
  })

  test('of an export are unchanged, also where a spreadsheet would see a formula', async () => {
    for (const displayName of ['=1+1', "'=x", '+49 89', '@home', "O'Neil", "'quoted'", 'a;b,c"d']) {
      const body = { userPrincipalName: name(), displayName }
      expect((await directory.admin('POST', '/api/v1/users', body)).statusCode).toBe(201)
    }
    const response = await directory.admin('GET', '/api/v1/users/export')
    expect(response.headers['content-type']).toContain('text/csv')
    expect(response.body).toContain(",'=1+1,")
    expect(response.body).not.toMatch(/,[=+@]/)
    const result = await upload('users', response.body)
    expect(result).toMatchObject({ applied: true, created: 0, updated: 0, errors: [] })
    expect(result.unchanged).toBeGreaterThanOrEqual(7)
  })

  test('of which one is wrong are not imported at all', async () => {
    const before = await contents()
    const result = await upload(
      'users',
      lines(HEADER, `${name()},Good,,`, `${name()},Good,,true`, `nobody,Bad,x@,maybe`),
    )
    expect(result).toMatchObject(refused(4, 'no valid form', 'userPrincipalName'))
    expect(result).toMatchObject(refused(4, 'no valid form', 'mail'))
    expect(result).toMatchObject(refused(4, 'neither true nor false', 'isActive'))
    expect(await contents()).toBe(before)
  })

  test('are not changed by a dry run, which says what would happen', async () => {
    const known = name()
    await upload('users', lines(HEADER, `${known},Known,,true`))
    const before = await contents()
    const csv = lines(HEADER, `${known},Other,,false`, `${name()},New,,true`)
    const dry = await upload('users', csv, { query: '?dryRun=true' })
    expect(dry).toMatchObject({ applied: false, created: 1, updated: 1, errorCount: 0 })
    expect(await contents()).toBe(before)
    expect(await upload('users', csv)).toMatchObject({ applied: true, created: 1, updated: 1 })
  })

  test('are named by the line on which their row begins', async () => {
    const csv = lines(
      HEADER,
      `${name()},"two\r\nlines",,`,
      '',
      `${name()},"and\nthree\r\nlines",,`,
      `${name()},fine,,true`,
      'too,few',
    )
    const { errors } = await upload('users', csv)
    expect(errors.map(({ line }) => line)).toEqual(expect.arrayContaining([2, 5, 9]))
    expect(errors.some(({ line }) => line === 8 && errors.length > 5)).toBe(false)
  })

  test.each([
    ['twice in the file', `${HEADER}\nA@k.example,A,,true\na@k.example,B,,true\n`, 3, 'on line 2'],
    ['an unknown column', 'userPrincipalName,password\nx@k.example,1\n', 1, 'Column 2'],
    ['a column twice', 'userPrincipalName,userprincipalname\nx@k.example,1\n', 1, 'twice'],
    ['no header', '', 1, 'names the columns'],
    ['an open quote', `${HEADER}\nx@k.example,"open\n`, 2, 'not closed'],
    ['a quote in the middle', `${HEADER}\nx@k.example,a"b",,\n`, 2, 'does not begin'],
    ['text after a quote', `${HEADER}\nx@k.example,"a"b,,\n`, 2, 'goes on'],
    ['an unknown ID', `id,displayName\n${randomUUID()},X\n`, 2, 'no user with this ID'],
    ['a name that cannot be seen', `${HEADER}\nx@k.example,a\u200bb,,true\n`, 2, 'valid form'],
    ['a new one without a name', 'userPrincipalName\nnew@k.example\n', 2, 'needs one'],
  ])('with %s are refused', async (_, csv, line, message) => {
    const { applied, errors } = await upload('users', csv)
    expect(applied).toBe(false)
    expect(errors[0]).toMatchObject({ line, message: expect.stringContaining(message) as string })
  })

  test('in another encoding, in JSON, or too many bytes are refused', async () => {
    const { service } = directory
    const send = async (type: string, payload: string | Buffer) =>
      await service.app.inject({
        method: 'POST',
        url: '/api/v1/users/import',
        headers: { authorization: `Bearer ${service.administratorToken}`, 'content-type': type },
        payload,
      })
    const latin = await send(
      'text/csv',
      Buffer.from('userPrincipalName,displayName\nM\xfcller', 'latin1'),
    )
    expect(latin.json()).toMatchObject({ status: 400, code: 'CSV_INVALID' })
    const json = await send('application/json', '{}')
    expect(json.json()).toMatchObject({ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' })
    const big = await send('text/csv', Buffer.alloc(20 * 1024 * 1024 + 1, 'a'))
    expect(big.json()).toMatchObject({ status: 413, code: 'BODY_TOO_LARGE' })
    const elsewhere = await service.app.inject({
      method: 'POST',
      url: '/api/v1/users',
      headers: {
        authorization: `Bearer ${service.administratorToken}`,
        'content-type': 'text/csv',
      },
      payload: 'a',
    })
    expect(elsewhere.json()).toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE' })
  })

  test('are imported only within the permissions of whoever asks', async () => {
    const held = name()
    const id = await insertTestUser(directory.service.deps.db, { user_principal_name: held })
    await directory.assign(id, GLOBAL_READER)
    const plain = name()
    await insertTestUser(directory.service.deps.db, { user_principal_name: plain })
    const creates = await directory.caller(['microsoft.directory/users/create'])
    const csv = (user: string) => lines(HEADER, `${user},Changed,,false`)
    expect(await upload('users', csv(plain), { as: creates })).toMatchObject(
      refused(2, 'may not change users'),
    )
    const changes = await directory.caller([
      'microsoft.directory/users/create',
      'microsoft.directory/users/basic/update',
    ])
    expect(await upload('users', csv(plain), { as: changes })).toMatchObject(
      refused(2, 'may not disable', 'isActive'),
    )
    const disables = await directory.caller([
      'microsoft.directory/users/create',
      'microsoft.directory/users/basic/update',
      'microsoft.directory/users/disable',
    ])
    expect(await upload('users', csv(held), { as: disables })).toMatchObject(
      refused(2, 'holds roles'),
    )
    expect(await upload('users', csv(plain), { as: disables })).toMatchObject({ applied: true })
  })

  // Row by row it would take many minutes, which the limit of the test stops.
  test('10,000 are imported at once', async () => {
    await using own = await DirectoryTest.start()
    const rows = Array.from({ length: 10_000 }, (_, i) => `p${i}@keydesk.example,Person ${i},,true`)
    const response = await own.admin('POST', '/api/v1/users/import', lines(HEADER, ...rows))
    expect(response.json()).toMatchObject({ applied: true, created: 10_000 })
  }, 180_000)
})

describe('groups', () => {
  const members = async (displayName: string): Promise<string[]> => {
    const url = `/api/v1/groups?search=${encodeURIComponent(displayName)}`
    const [group] = (await directory.admin('GET', url)).json<{ items: Group[] }>().items
    const page = await directory.admin('GET', `/api/v1/groups/${group!.id}/members`)
    return page.json<UserPage>().items.map((user) => user.userPrincipalName)
  }

  test('are made, filled, replaced, and unchanged after an export', async () => {
    const { db } = directory.service.deps
    const people = [name(), name()]
    for (const user_principal_name of people) await insertTestUser(db, { user_principal_name })
    const [one, two] = people as [string, string]
    const group = `Group ${randomUUID()}`
    const header = 'group,description,member'
    const made = await upload('groups', lines(header, `${group},Team,${one}`, `${group},Team,`))
    expect(made).toMatchObject({ applied: true, created: 1 })
    const added = await upload('groups', lines('group,member', `${group.toUpperCase()},${two}`))
    expect(added).toMatchObject({ applied: true, updated: 1 })
    expect((await members(group)).toSorted()).toEqual(people.toSorted())
    const csv = (await directory.admin('GET', '/api/v1/groups/export')).body
    expect(csv).toContain(`${group},Team,${one}`)
    expect(await upload('groups', csv, { query: '?members=replace' })).toMatchObject({
      applied: true,
      created: 0,
      updated: 0,
    })
    const only = lines('group,member', `${group},${two}`)
    await upload('groups', only, { query: '?members=replace' })
    expect(await members(group)).toEqual([two])
  })

  test('with an unknown member or two descriptions are refused whole', async () => {
    const before = await contents()
    const csv = lines('group,description,member', `New,A,`, `New,B,`, `Other,,nobody@k.example`)
    const result = await upload('groups', csv)
    expect(result).toMatchObject(refused(3, 'differs', 'description'))
    expect(result).toMatchObject(refused(4, 'no user', 'member'))
    expect(await contents()).toBe(before)
  })

  test('that hold roles are filled only by whoever may give roles', async () => {
    const { db } = directory.service.deps
    const groupId = await directory.group()
    await directory.assign(groupId, GLOBAL_READER)
    const { display_name: group } = await db
      .selectFrom('directory_group')
      .select('display_name')
      .where('id', '=', groupId)
      .executeTakeFirstOrThrow()
    const caller = await directory.caller(['microsoft.directory/groups/manage'])
    const { user_principal_name: self } = await db
      .selectFrom('directory_user')
      .select('user_principal_name')
      .where('id', '=', caller.userId)
      .executeTakeFirstOrThrow()
    const csv = lines('group,member', `${group},${self}`)
    expect(await upload('groups', csv, { as: caller })).toMatchObject(
      refused(2, 'holds roles', 'group'),
    )
    expect(await members(group)).toEqual([])
    const url = `/api/v1/groups/${groupId}/members`
    const direct = await caller('POST', url, { add: [caller.userId] })
    expect(direct.json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
  })
})

describe('devices', () => {
  const HEAD = 'deviceId,name,serialNumber,owner,administrativeUnits,deviceGroups'

  test('get owners, units and groups, and are unchanged after an export', async () => {
    const device = await directory.service.device()
    await device.escrowNew()
    const owner = name()
    const ownerId = await insertTestUser(directory.service.deps.db, { user_principal_name: owner })
    await directory.setOwner(device.deviceId, await insertTestUser(directory.service.deps.db))
    const set = async (path: string, displayName: string) => {
      const response = await directory.admin('POST', `/api/v1/${path}`, { displayName })
      expect(response.statusCode).toBe(201)
    }
    await set('administrative-units', 'Unit 1')
    await set('device-groups', 'Laptops')
    await set('device-groups', 'Pilots')
    const csv = lines(HEAD, `,${device.name},,${owner},unit 1,Laptops | Pilots`)
    expect(await upload('devices', csv)).toMatchObject({ applied: true, updated: 1 })
    const exported = (await directory.admin('GET', '/api/v1/devices/export')).body
    expect(exported).toContain(`${device.deviceId},${device.name},,${owner},Unit 1,Laptops|Pilots`)
    expect(await upload('devices', exported)).toMatchObject({ applied: true, updated: 0 })
    const detail = await directory.service.detail(device.deviceId)
    expect(detail).toMatchObject({
      owner: { id: ownerId },
      rotations: [{ trigger: 'ownerChange' }],
    })
    const [entry] = await directory.entriesOf('device.ownerChange', { toUserId: ownerId })
    expect(entry?.detail['cause']).toBe('import')
    // An empty field takes away, a column that is absent leaves alone.
    await upload('devices', lines('deviceId,deviceGroups', `${device.deviceId},Pilots`))
    const after = (await directory.admin('GET', '/api/v1/devices/export')).body
    expect(after).toContain(`${device.deviceId},${device.name},,${owner},Unit 1,Pilots`)
  })

  test('that are unknown, ambiguous or twice in the file are refused, and nothing is made', async () => {
    const twin = `TWIN-${randomUUID().slice(0, 8)}`
    await directory.service.device(twin)
    const device = await directory.service.device(twin)
    const before = await contents()
    const result = await upload(
      'devices',
      lines(
        'deviceId,name,owner',
        `,${twin},`,
        `${device.deviceId},,`,
        `${device.deviceId},,`,
        ',new-pc,',
        ',,',
        `${randomUUID()},,nobody@k.example`,
      ),
    )
    expect(result).toMatchObject(refused(2, '2 such devices'))
    expect(result).toMatchObject(refused(4, 'on line 3'))
    expect(result).toMatchObject(refused(5, 'no such device'))
    expect(result).toMatchObject(refused(6, 'is found by'))
    expect(result).toMatchObject(refused(7, 'no such device'))
    expect(await contents()).toBe(before)
  })

  test('come into sets with a rule or without permission by no import', async () => {
    const device = await directory.service.device()
    const ruled = `Ruled ${randomUUID()}`
    const body = { displayName: ruled, membershipRule: 'device.displayName -eq "x"' }
    await directory.admin('POST', '/api/v1/device-groups', body)
    const inRule = lines('deviceId,deviceGroups', `${device.deviceId},${ruled}`)
    expect(await upload('devices', inRule)).toMatchObject(refused(2, 'A rule', 'deviceGroups'))
    const unitId = await insertTestUnit(directory.service.deps.db, [])
    const { display_name: unit } = await directory.service.deps.db
      .selectFrom('device_set')
      .select('display_name')
      .where('id', '=', unitId)
      .executeTakeFirstOrThrow()
    const csv = lines('deviceId,administrativeUnits', `${device.deviceId},${unit}`)
    const caller = await directory.caller([SEE_DEVICES, CHANGE_OWNERS])
    expect(await upload('devices', csv, { as: caller })).toMatchObject(
      refused(2, 'administrativeUnits/allProperties/allTasks', 'administrativeUnits'),
    )
  })

  test('out of scope do not exist, and are given to nobody', async () => {
    const [mine, other] = [await directory.service.device(), await directory.service.device()]
    const scope = { type: 'device', id: mine.deviceId } as const
    const caller = await directory.caller([SEE_DEVICES, CHANGE_OWNERS, READ_KEYS], scope)
    const owner = name()
    await insertTestUser(directory.service.deps.db, { user_principal_name: owner })
    const row = (id: string) => lines('deviceId,owner', `${id},${owner}`)
    expect(await upload('devices', row(other.deviceId), { as: caller })).toMatchObject(
      refused(2, 'no such device'),
    )
    expect(await upload('devices', row(mine.deviceId), { as: caller })).toMatchObject({
      applied: true,
    })
    const exported = (await caller('GET', '/api/v1/devices/export')).body
    expect(exported).not.toContain(other.deviceId)
    // He may not see owners: a column of empty fields would take them away when it is imported.
    expect(exported.split('\r\n')[0]).toBe('deviceId,name,serialNumber')
  })
})
