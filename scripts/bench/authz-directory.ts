/**
 * An organisation to decide about: 1,000 administrative units; 1,000 helpdesk people in 200 groups;
 * 10,000 role assignments, for single units to people and to groups, and one denied device for each
 * person. Who may do what follows from the numbers here, so every decision can be checked.
 */
import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { Client } from 'pg'

/** A question with its right answer. */
export interface Decision {
  readonly userId: string
  readonly deviceId: string
  readonly isAllowed: boolean
}

const UNITS = 1000
const PEOPLE = 1000
const GROUPS = 200
const HELPDESK = '729827e3-9c14-49f7-bb1b-9608f156bbb8'
const ROWS_PER_INSERT = 5000

/** 5,000 assignments. */
const unitsOfPerson = (person: number): number[] =>
  Array.from({ length: 5 }, (_, n) => (person * 7 + n * 131) % UNITS)
/** 4,000 assignments. */
const unitsOfGroup = (group: number): number[] =>
  Array.from({ length: 20 }, (_, n) => (group * 5 + n * 47) % UNITS)
const groupsOf = (person: number): number[] => [person % GROUPS, (person + 1) % GROUPS]
/** 1,000 denies: a device of the first of his units. */
const deniedDevice = (person: number): number => (person * 7) % UNITS
const unitsOfDevice = (device: number): Set<number> =>
  new Set([device % UNITS, (device * 3) % UNITS])

const units = guids(UNITS)
const people = guids(PEOPLE)
const groups = guids(GROUPS)
const devices: string[] = []

function guids(count: number): string[] {
  return Array.from({ length: count }, () => randomUUID())
}

/** The people, groups and units; the devices come after. */
async function insertPeople(client: Client): Promise<void> {
  await client.query(
    `insert into principal (id, type, created_at)
     select id, 'user', now() from unnest($1::uuid[]) as id
     union all select id, 'group', now() from unnest($2::uuid[]) as id`,
    [people, groups],
  )
  await client.query(
    `insert into directory_user (id, user_principal_name, display_name, source, created_at,
                                 updated_at)
     select id, id || '@keydesk.example', 'Helpdesk', 'local', now(), now()
       from unnest($1::uuid[]) as id`,
    [people],
  )
  await client.query(
    `insert into directory_group (id, display_name, source, created_at, updated_at)
     select id, 'Group ' || id, 'local', now(), now() from unnest($1::uuid[]) as id`,
    [groups],
  )
  const members = people.flatMap((id, person) =>
    groupsOf(person).map((group) => [groups[group], id]),
  )
  await client.query(
    `insert into group_member (group_id, user_id, added_at)
     select *, now() from unnest($1::uuid[], $2::uuid[])`,
    [members.map(([group]) => group), members.map(([, id]) => id)],
  )
  await client.query(
    `insert into device_set (id, kind, display_name, created_at, updated_at)
     select id, 'administrativeUnit', 'Unit ' || id, now(), now() from unnest($1::uuid[]) as id`,
    [units],
  )
}

/** Those of units; then, with the first devices, the denies. */
async function insertAssignments(client: Client): Promise<void> {
  const given = [
    ...people.flatMap((id, person) => unitsOfPerson(person).map((unit) => [id, units[unit]])),
    ...groups.flatMap((id, group) => unitsOfGroup(group).map((unit) => [id, units[unit]])),
  ]
  await client.query(
    `insert into role_assignment (id, principal_id, role_id, scope_type, administrative_unit_id,
                                  administrative_unit_kind, created_at)
     select gen_random_uuid(), principal, $3, 'administrativeUnit', unit, 'administrativeUnit', now()
       from unnest($1::uuid[], $2::uuid[]) as given (principal, unit)`,
    [given.map(([principal]) => principal), given.map(([, unit]) => unit), HELPDESK],
  )
  await client.query(
    `insert into role_assignment (id, principal_id, role_id, effect, scope_type, device_id,
                                  created_at)
     select gen_random_uuid(), principal, $3, 'deny', 'device', device, now()
       from unnest($1::uuid[], $2::uuid[]) as denied (principal, device)`,
    [people, people.map((_, person) => devices[deniedDevice(person)]), HELPDESK],
  )
}

async function insertDevices(client: Client, count: number): Promise<void> {
  while (devices.length < count) {
    const first = devices.length
    const batch = guids(Math.min(ROWS_PER_INSERT, count - first))
    devices.push(...batch)
    await client.query(
      `insert into device (id, key_thumbprint, public_key, name, enrolled_by, enrolled_at)
       select id, thumbprint, 'no key', 'BENCH-' || id, $3, now()
         from unnest($1::uuid[], $2::text[]) as new (id, thumbprint)`,
      [batch, batch.map(() => randomBytes(32).toString('base64url')), people[0]],
    )
    const members = batch.flatMap((id, n) =>
      [...unitsOfDevice(first + n)].map((unit) => [id, units[unit]]),
    )
    await client.query(
      `insert into device_set_member (device_id, device_set_id, added_at)
       select *, now() from unnest($1::uuid[], $2::uuid[])`,
      [members.map(([id]) => id), members.map(([, unit]) => unit)],
    )
  }
}

/** Makes everything at the first call; more devices at each later one. */
export async function growDirectory(databaseUrl: string, deviceCount: number): Promise<void> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const isNew = devices.length === 0
    if (isNew) await insertPeople(client)
    await insertDevices(client, deviceCount)
    if (isNew) await insertAssignments(client)
    await client.query('vacuum analyze')
    const { rows } = await client.query<{ assignments: string; units: string }>(
      `select (select count(*) from role_assignment) as assignments,
              (select count(*) from device_set) as units`,
    )
    if (rows[0]?.assignments !== '10000' || rows[0].units !== String(UNITS)) {
      throw new Error(`not the directory that was meant: ${JSON.stringify(rows[0])}`)
    }
  } finally {
    await client.end()
  }
}

/** Any person and any device; every second time a device of a unit that the person has. */
export function drawDecision(): Decision {
  const person = randomInt(PEOPLE)
  const scope = [...unitsOfPerson(person), ...groupsOf(person).flatMap(unitsOfGroup)]
  const unit = scope[randomInt(scope.length)] ?? 0
  const device =
    randomInt(2) === 0
      ? randomInt(devices.length)
      : unit + UNITS * randomInt(Math.floor(devices.length / UNITS))
  const isInScope = [...unitsOfDevice(device)].some((one) => scope.includes(one))
  return {
    userId: people[person] ?? '',
    deviceId: devices[device] ?? '',
    isAllowed: isInScope && device !== deniedDevice(person),
  }
}
