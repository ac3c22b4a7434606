/** `keydesk users`: the people of the directory. */
import type { CreateUser, CreatedLink, User, UserDetail } from '@keydesk/contract'
import type { Command } from 'commander'
import {
  commandGroup,
  listCommand,
  newCommand,
  onService,
  showCommand,
  type Fields,
} from '../service/commands.ts'
import { roleName } from '../roles/role-name.ts'
import { groupId, userId } from '../service/find-by-name.ts'
import { oneLine } from '../service/one-line.ts'
import { time } from '../service/render-table.ts'
import { exportCommand, importCommand } from './csv-commands.ts'

const USER = ['user', 'user principal name or ID'] as const

export function usersCommand(): Command {
  return commandGroup('users', 'People', [
    list(),
    showCommand<UserDetail>({
      description: 'Show a user with groups, devices and roles',
      argument: USER,
      path: async (service, name) => `/api/v1/users/${await userId(service, name)}`,
      fields,
    }),
    create(),
    update(),
    remove(),
    invite(),
    resetPassword(),
    importCommand({ what: 'users', path: '/api/v1/users/import' }),
    exportCommand('users', '/api/v1/users/export'),
  ])
}

interface ListOptions {
  readonly search?: string
  readonly group?: string
  readonly disabled?: boolean
}

function list(): Command {
  return listCommand<User, ListOptions>({
    description: 'List users',
    path: '/api/v1/users',
    declare: (command) =>
      command
        .option('--search <text>', 'whose principal name, name or mail address begins with it')
        .option('--group <name>', 'only members of this group')
        .option('--disabled', 'only those who may not sign in'),
    query: async (service, { search, group, disabled }) => ({
      search,
      groupId: group === undefined ? undefined : await groupId(service, group),
      isActive: disabled === true ? 'false' : undefined,
    }),
    columns: [
      { title: 'user', cell: (user) => user.userPrincipalName },
      { title: 'name', cell: (user) => user.displayName },
      { title: 'department', cell: (user) => user.department },
      { title: 'active', cell: (user) => user.isActive },
      { title: 'source', cell: (user) => user.source },
      { title: 'id', cell: (user) => user.id },
    ],
    none: 'No users.',
  })
}

function fields(user: UserDetail): Fields {
  return [
    ['User', user.userPrincipalName],
    ['Name', user.displayName],
    ['Given name', user.givenName],
    ['Family name', user.familyName],
    ['Mail', user.mail],
    ['Department', user.department],
    ['Active', user.isActive],
    ['Source', user.source],
    ['ID', user.id],
    ['Added', time(user.createdAt)],
    ['Groups', user.groups?.map(({ displayName }) => displayName)],
    ['Devices', user.devices.map(({ name, id }) => `${name} (${id})`)],
    [
      'Roles',
      user.roleAssignments?.map(
        ({ roleId, effect, scope, expiresAt }) =>
          `${effect === 'deny' ? 'DENIED ' : ''}${roleName(roleId)}` +
          (scope === '/' ? '' : ` for ${scope}`) +
          (expiresAt === undefined ? '' : ` until ${time(expiresAt)}`),
      ),
    ],
  ]
}

type UserFacts = Partial<Omit<CreateUser, 'userPrincipalName' | 'isActive'>>

function withFacts(command: Command): Command {
  return command
    .option('--given-name <name>', 'given name')
    .option('--family-name <name>', 'family name')
    .option('--mail <address>', 'where mail reaches the person')
    .option('--department <name>', 'department')
}

function create(): Command {
  const upn = ['upn', 'user principal name, such as alice@keydesk.example'] as const
  const command = newCommand('create', 'Add a user; "invite" then lets him sign in', [
    upn,
  ]).requiredOption('--display-name <name>', 'name as others see it')
  return onService<UserFacts>(withFacts(command), async (service, [name = ''], options) => {
    const body = { userPrincipalName: name, ...factsOf(options) }
    const user = await service.post<User>('/api/v1/users', body)
    return { json: user, text: `Added ${oneLine(user.userPrincipalName)} (${user.id}).\n` }
  })
}

interface UpdateOptions extends UserFacts {
  readonly upn?: string
  readonly enable?: boolean
  readonly disable?: boolean
}

function update(): Command {
  const command = newCommand('update', 'Change a user; what is not named stays', [USER])
    .option('--upn <name>', 'new user principal name')
    .option('--display-name <name>', 'name as others see it')
    .option('--enable', 'let him sign in')
    .option('--disable', 'end every session and token of his, at once')
  return onService<UpdateOptions>(withFacts(command), async (service, [name = ''], options) => {
    const { upn, enable, disable } = options
    const isActive = disable === true ? false : enable
    const user = await service.patch<User>(`/api/v1/users/${await userId(service, name)}`, {
      ...(upn === undefined ? {} : { userPrincipalName: upn }),
      ...(isActive === undefined ? {} : { isActive }),
      ...factsOf(options),
    })
    return { json: user, text: `Changed ${oneLine(user.userPrincipalName)}.\n` }
  })
}

function remove(): Command {
  const command = newCommand('delete', 'Delete a user; what he did stays on record', [USER])
  return onService(command, async (service, [name = '']) => {
    const id = await userId(service, name)
    await service.delete(`/api/v1/users/${id}`)
    return { json: { id }, text: `Deleted ${oneLine(name)}.\n` }
  })
}

function invite(): Command {
  const command = newCommand('invite', 'Make a link by which a new user sets a password', [USER])
  return onService(command, async (service, [name = '']) => {
    const id = await userId(service, name)
    return linkOutcome(await service.post<CreatedLink>(`/api/v1/users/${id}/invitation`, {}))
  })
}

function resetPassword(): Command {
  const command = newCommand('reset-password', 'Make a link by which a user sets a new one', [
    USER,
  ]).option('--remove-second-factors', 'also remove authenticator app, backup codes and passkeys')
  return onService<{ removeSecondFactors?: boolean }>(command, async (service, [name = ''], o) => {
    const id = await userId(service, name)
    const body = o.removeSecondFactors === true ? { removeSecondFactors: true } : {}
    return linkOutcome(await service.post<CreatedLink>(`/api/v1/users/${id}/password-reset`, body))
  })
}

function linkOutcome(link: CreatedLink) {
  const text = `Give this link to the person. It works once, until ${time(link.expiresAt)}:\n`
  return { json: link, text: `${text}\n  ${oneLine(link.url)}\n` }
}

/** An empty text takes a fact away. */
function factsOf(options: UserFacts): Record<string, string | null> {
  const names = ['displayName', 'givenName', 'familyName', 'mail', 'department'] as const
  const facts: Record<string, string | null> = {}
  for (const name of names) {
    const text = options[name]
    if (text !== undefined) facts[name] = text === '' ? null : text
  }
  return facts
}
