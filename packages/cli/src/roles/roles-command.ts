/** `keydesk roles`: sets of permissions, built-in and custom. */
import type { Role } from '@keydesk/contract'
import type { Command } from 'commander'
import {
  commandGroup,
  listCommand,
  newCommand,
  onService,
  showCommand,
} from '../service/commands.ts'
import { roleId } from '../service/find-by-name.ts'
import { oneLine } from '../service/one-line.ts'
import { collect } from '../service/option-values.ts'

const ROLE = ['role', 'name or ID'] as const

export function rolesCommand(): Command {
  return commandGroup('roles', 'Roles, built-in and custom', [
    listCommand<Role>({
      description: 'List roles',
      path: '/api/v1/roles',
      columns: [
        { title: 'role', cell: (role) => role.displayName },
        { title: 'built-in', cell: (role) => role.isBuiltIn },
        { title: 'permissions', cell: (role) => role.permissions.length },
        { title: 'id', cell: (role) => role.id },
      ],
      none: 'No roles.',
    }),
    showCommand<Role>({
      description: 'Show a role with its permissions',
      argument: ROLE,
      path: async (service, name) => `/api/v1/roles/${await roleId(service, name)}`,
      fields: (role) => [
        ['Role', role.displayName],
        ['Description', role.description],
        ['Built-in', role.isBuiltIn],
        ['ID', role.id],
        ['Permissions', role.permissions],
      ],
    }),
    create(),
    update(),
    remove(),
  ])
}

interface RoleOptions {
  readonly name?: string
  readonly description?: string
  readonly permission?: string[]
}

function create(): Command {
  const command = newCommand('create', 'Make a custom role', [['name', 'its name']])
    .option('--description <text>', 'what it is for')
    .requiredOption('--permission <name>', 'what its holders may do; repeat for more', collect)
  return onService<RoleOptions>(command, async (service, [name = ''], options) => {
    const { description, permission = [] } = options
    const role = await service.post<Role>('/api/v1/roles', {
      displayName: name,
      ...(description === undefined ? {} : { description }),
      permissions: permission,
    })
    return { json: role, text: `Made the role ${oneLine(role.displayName)} (${role.id}).\n` }
  })
}

function update(): Command {
  const command = newCommand('update', 'Change a custom role; what is not named stays', [ROLE])
    .option('--name <name>', 'new name')
    .option('--description <text>', 'what it is for; empty takes it away')
    .option('--permission <name>', 'all that its holders may do; repeat for more', collect)
  return onService<RoleOptions>(command, async (service, [role = ''], options) => {
    const { name, description, permission } = options
    const changed = await service.patch<Role>(`/api/v1/roles/${await roleId(service, role)}`, {
      ...(name === undefined ? {} : { displayName: name }),
      ...(description === undefined ? {} : { description: description || null }),
      ...(permission === undefined ? {} : { permissions: permission }),
    })
    return { json: changed, text: `Changed the role ${oneLine(changed.displayName)}.\n` }
  })
}

function remove(): Command {
  const command = newCommand('delete', 'Delete a custom role that nobody holds', [ROLE])
  return onService(command, async (service, [name = '']) => {
    const id = await roleId(service, name)
    await service.delete(`/api/v1/roles/${id}`)
    return { json: { id }, text: `Deleted the role ${oneLine(name)}.\n` }
  })
}
