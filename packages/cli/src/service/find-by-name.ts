/**
 * People name things by their names, the API by IDs. A name means a thing only if it is the whole
 * name, in any case of letters, of exactly one thing that the caller may see.
 */
import {
  isGuid,
  type DeviceSet,
  type DeviceSummary,
  type Group,
  type Role,
  type User,
} from '@keydesk/contract'
import { CommandError, EXIT_REFUSED } from '../command-error.ts'
import { oneLine } from './one-line.ts'
import type { Service } from './service.ts'

interface Named {
  readonly id: string
}

interface Kind<T extends Named> {
  readonly what: string
  readonly path: string
  readonly nameOf: (item: T) => string
  /** Whether the list takes `search`, the beginning of a name. */
  readonly hasSearch: boolean
}

const USERS: Kind<User> = {
  what: 'user',
  path: '/api/v1/users',
  nameOf: (user) => user.userPrincipalName,
  hasSearch: true,
}
const GROUPS: Kind<Group> = {
  what: 'group',
  path: '/api/v1/groups',
  nameOf: (group) => group.displayName,
  hasSearch: true,
}
const DEVICES: Kind<DeviceSummary> = {
  what: 'device',
  path: '/api/v1/devices',
  nameOf: (device) => device.facts.name,
  hasSearch: true,
}
const UNITS: Kind<DeviceSet> = {
  what: 'administrative unit',
  path: '/api/v1/administrative-units',
  nameOf: (unit) => unit.displayName,
  hasSearch: true,
}
const DEVICE_GROUPS: Kind<DeviceSet> = {
  what: 'device group',
  path: '/api/v1/device-groups',
  nameOf: (group) => group.displayName,
  hasSearch: true,
}
const ROLES: Kind<Role> = {
  what: 'role',
  path: '/api/v1/roles',
  nameOf: (role) => role.displayName,
  hasSearch: false,
}
const APPS: Kind<{ readonly id: string; readonly displayName: string }> = {
  what: 'program',
  path: '/api/v1/apps',
  nameOf: (app) => app.displayName,
  hasSearch: false,
}

/** Each takes a name or an ID and returns the ID. Throws NAME_NOT_FOUND or NAME_AMBIGUOUS. */
export const userId = finder(USERS)
export const groupId = finder(GROUPS)
export const deviceId = finder(DEVICES)
export const unitId = finder(UNITS)
export const deviceGroupId = finder(DEVICE_GROUPS)
export const roleId = finder(ROLES)
export const appId = finder(APPS)

function finder<T extends Named>(kind: Kind<T>) {
  return async (service: Service, text: string): Promise<string> => {
    if (isGuid(text.toLowerCase())) return text.toLowerCase()
    const query = kind.hasSearch ? { search: text } : {}
    const items = await service.list<T>(kind.path, query)
    const wanted = text.toLowerCase()
    const found = items.filter((item) => kind.nameOf(item).toLowerCase() === wanted)
    if (found.length === 1 && found[0] !== undefined) return found[0].id
    throw found.length === 0 ? notFound(kind.what, text) : ambiguous(kind.what, text, found)
  }
}

function notFound(what: string, text: string): CommandError {
  return new CommandError('NAME_NOT_FOUND', `There is no ${what} "${oneLine(text)}"`, {
    exitCode: EXIT_REFUSED,
  })
}

function ambiguous(what: string, text: string, found: readonly Named[]): CommandError {
  const ids = found.slice(0, 5).map(({ id }) => id)
  return new CommandError(
    'NAME_AMBIGUOUS',
    `${found.length} ${what}s are called "${oneLine(text)}"; name one by its ID: ${ids.join(', ')}`,
    { exitCode: EXIT_REFUSED },
  )
}
