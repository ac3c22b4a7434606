/** `keydesk assignments`: who has which role, for what, until when. */
import type { RoleAssignment } from '@keydesk/contract'
import type { Command } from 'commander'
import { CommandError } from '../command-error.ts'
import { commandGroup, listCommand, newCommand, onService } from '../service/commands.ts'
import { deviceId, roleId, unitId } from '../service/find-by-name.ts'
import { oneLine } from '../service/one-line.ts'
import { moment } from '../service/option-values.ts'
import { time } from '../service/render-table.ts'
import type { Service } from '../service/service.ts'
import { holderId, withHolder, type HolderOptions } from './holder.ts'
import { scopeText } from './scope-text.ts'

const PATH = '/api/v1/role-assignments'

export function assignmentsCommand(): Command {
  return commandGroup('assignments', 'Who has which role, for what', [list(), add(), remove()])
}

interface ScopeOptions {
  readonly unit?: string
  readonly device?: string
}

type ListOptions = HolderOptions & ScopeOptions & { readonly role?: string }

function list(): Command {
  return listCommand<RoleAssignment, ListOptions>({
    description: 'List role assignments',
    path: PATH,
    declare: (command) =>
      withScope(withHolder(command)).option('--role <name>', 'only those of this role'),
    query: async (service, options) => ({
      principalId: await holderId(service, options),
      roleId: options.role === undefined ? undefined : await roleId(service, options.role),
      scope: isScoped(options) ? await scopeOf(service, options) : undefined,
    }),
    columns: [
      {
        title: 'holder',
        cell: ({ principal }) => principal.userPrincipalName ?? principal.displayName,
      },
      { title: 'type', cell: ({ principal }) => principal.type },
      { title: 'effect', cell: ({ effect }) => effect },
      { title: 'role', cell: ({ role }) => role.displayName },
      { title: 'scope', cell: scopeText },
      {
        title: 'until',
        cell: ({ state, expiresAt }) => (state === 'expired' ? 'EXPIRED' : time(expiresAt)),
      },
      { title: 'id', cell: ({ id }) => id },
    ],
    none: 'No role assignments.',
  })
}

interface AddOptions extends HolderOptions, ScopeOptions {
  readonly deny?: boolean
  readonly until?: string
}

function add(): Command {
  const command = newCommand('add', 'Give a role to a user, a group or a program', [
    ['role', 'name or ID'],
  ])
  withScope(withHolder(command))
    .option('--deny', 'take away what other assignments give')
    .option('--until <time>', 'when it ends: 90d, 2027-01-31 or RFC 3339', moment)
    .addHelpText('after', '\nWithout --unit and --device it is for everything.')
  return onService<AddOptions>(command, async (service, [role = ''], options) => {
    const principalId = await holderId(service, options)
    if (principalId === undefined) {
      throw new CommandError('USAGE', 'Say to whom: --user, --group or --app')
    }
    const made = await service.post<RoleAssignment>(PATH, {
      principalId,
      roleId: await roleId(service, role),
      scope: await scopeOf(service, options),
      ...(options.deny === true ? { effect: 'deny' } : {}),
      ...(options.until === undefined ? {} : { expiresAt: options.until }),
    })
    const who = made.principal.userPrincipalName ?? made.principal.displayName
    const verb = made.effect === 'deny' ? 'is denied' : 'has'
    const end = made.expiresAt === undefined ? '' : ` until ${time(made.expiresAt)}`
    const what = `${oneLine(made.role.displayName)} for ${scopeText(made)}${end}`
    return { json: made, text: `${oneLine(who)} ${verb} ${what} (${made.id}).\n` }
  })
}

function remove(): Command {
  const command = newCommand('remove', 'Take a role away', [['id', 'ID of the assignment']])
  return onService(command, async (service, [id = '']) => {
    await service.delete(`${PATH}/${encodeURIComponent(id)}`)
    return { json: { id }, text: 'The role is taken away.\n' }
  })
}

function withScope(command: Command): Command {
  return command
    .option('--unit <name>', 'for the devices of this administrative unit')
    .option('--device <name>', 'for this device')
}

function isScoped({ unit, device }: ScopeOptions): boolean {
  return unit !== undefined || device !== undefined
}

async function scopeOf(service: Service, { unit, device }: ScopeOptions): Promise<string> {
  if (unit !== undefined && device !== undefined) {
    throw new CommandError('USAGE', 'Give only one of --unit and --device')
  }
  if (unit !== undefined) return `/administrativeUnits/${await unitId(service, unit)}`
  return device === undefined ? '/' : `/devices/${await deviceId(service, device)}`
}
