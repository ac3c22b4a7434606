/** `keydesk groups`: groups of people, which may hold roles. */
import type { ChangedMembers, Group, User } from '@keydesk/contract'
import type { Command } from 'commander'
import {
  commandGroup,
  listCommand,
  newCommand,
  onService,
  showCommand,
} from '../service/commands.ts'
import { groupId, userId } from '../service/find-by-name.ts'
import { oneLine } from '../service/one-line.ts'
import { time } from '../service/render-table.ts'
import { exportCommand, importCommand } from './csv-commands.ts'
import { changedText } from './members-text.ts'

const GROUP = ['group', 'name or ID'] as const

export function groupsCommand(): Command {
  return commandGroup('groups', 'Groups of people', [
    list(),
    showCommand<Group>({
      description: 'Show a group',
      argument: GROUP,
      path: groupPath,
      fields: (group) => [
        ['Group', group.displayName],
        ['Description', group.description],
        ['Members', group.memberCount],
        ['Source', group.source],
        ['ID', group.id],
        ['Added', time(group.createdAt)],
      ],
    }),
    create(),
    update(),
    remove(),
    members(),
    changeMembers('add-members', 'Add users to a group', 'add'),
    changeMembers('remove-members', 'Remove users from a group', 'remove'),
    importCommand<{ replace?: boolean }>({
      what: 'groups and their members',
      path: '/api/v1/groups/import',
      declare: (command) =>
        command.option('--replace', 'remove members that the file does not name from its groups'),
      query: ({ replace }) => ({ members: replace === true ? 'replace' : undefined }),
    }),
    exportCommand('groups and their members', '/api/v1/groups/export'),
  ])
}

type Service = Parameters<typeof groupId>[0]

async function groupPath(service: Service, name: string): Promise<string> {
  return `/api/v1/groups/${await groupId(service, name)}`
}

function list(): Command {
  return listCommand<Group, { search?: string }>({
    description: 'List groups',
    path: '/api/v1/groups',
    declare: (command) => command.option('--search <text>', 'whose name begins with it'),
    query: (_service, { search }) => ({ search }),
    columns: [
      { title: 'group', cell: (group) => group.displayName },
      { title: 'members', cell: (group) => group.memberCount },
      { title: 'source', cell: (group) => group.source },
      { title: 'description', cell: (group) => group.description },
      { title: 'id', cell: (group) => group.id },
    ],
    none: 'No groups.',
  })
}

function create(): Command {
  const command = newCommand('create', 'Make a group', [['name', 'its name']])
    .option('--description <text>', 'what it is for')
    .option('--issuer-group <value>', "its value in the groups claim of your issuer's sign-ins")
  type Options = { description?: string; issuerGroup?: string }
  return onService<Options>(command, async (service, [name = ''], options) => {
    const { description, issuerGroup } = options
    const body = {
      displayName: name,
      ...(description === undefined ? {} : { description }),
      ...(issuerGroup === undefined ? {} : { issuerGroup }),
    }
    const group = await service.post<Group>('/api/v1/groups', body)
    return { json: group, text: `Made the group ${oneLine(group.displayName)} (${group.id}).\n` }
  })
}

function update(): Command {
  const command = newCommand('update', 'Rename or describe a group', [GROUP])
    .option('--name <name>', 'new name')
    .option('--description <text>', 'what it is for; empty takes it away')
  return onService<{ name?: string; description?: string }>(
    command,
    async (service, [group = ''], { name, description }) => {
      const changed = await service.patch<Group>(await groupPath(service, group), {
        ...(name === undefined ? {} : { displayName: name }),
        ...(description === undefined ? {} : { description: description || null }),
      })
      return { json: changed, text: `Changed the group ${oneLine(changed.displayName)}.\n` }
    },
  )
}

function remove(): Command {
  const command = newCommand('delete', 'Delete a group; its members stay', [GROUP])
  return onService(command, async (service, [name = '']) => {
    const id = await groupId(service, name)
    await service.delete(`/api/v1/groups/${id}`)
    return { json: { id }, text: `Deleted the group ${oneLine(name)}.\n` }
  })
}

function members(): Command {
  return listCommand<User>({
    name: 'members',
    description: 'List the members of a group',
    declare: (command) => command.argument(...GROUP),
    path: async (service, [name = '']) => `${await groupPath(service, name)}/members`,
    columns: [
      { title: 'user', cell: (user) => user.userPrincipalName },
      { title: 'name', cell: (user) => user.displayName },
      { title: 'id', cell: (user) => user.id },
    ],
    none: 'No members.',
  })
}

function changeMembers(name: string, description: string, change: 'add' | 'remove'): Command {
  const users = ['user...', 'user principal names or IDs'] as const
  const command = newCommand(name, description, [GROUP, users])
  return onService(command, async (service, [group = '', ...names]) => {
    const ids = await Promise.all(names.map(async (user) => await userId(service, user)))
    const path = `${await groupPath(service, group)}/members`
    const changed = await service.post<ChangedMembers>(path, { [change]: ids })
    return { json: changed, text: changedText(changed) }
  })
}
