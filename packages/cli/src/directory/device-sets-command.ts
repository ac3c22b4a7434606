/**
 * `keydesk units` and `keydesk device-groups`: sets of devices with members that are assigned or
 * follow from a rule. Both have the same commands.
 */
import type {
  ChangedMembers,
  DeviceSet,
  DeviceSetMember,
  MembershipRulePreview,
} from '@keydesk/contract'
import type { Command } from 'commander'
import {
  commandGroup,
  listCommand,
  newCommand,
  onService,
  showCommand,
} from '../service/commands.ts'
import { deviceGroupId, deviceId, unitId } from '../service/find-by-name.ts'
import { oneLine } from '../service/one-line.ts'
import { renderFields, time } from '../service/render-table.ts'
import type { Service } from '../service/service.ts'
import { changedText } from './members-text.ts'

interface Kind {
  readonly command: string
  readonly description: string
  readonly what: string
  readonly path: string
  readonly id: (service: Service, name: string) => Promise<string>
}

const UNITS: Kind = {
  command: 'units',
  description: 'Administrative units: devices that roles are given for',
  what: 'administrative unit',
  path: '/api/v1/administrative-units',
  id: unitId,
}
const DEVICE_GROUPS: Kind = {
  command: 'device-groups',
  description: 'Device groups: devices that rules are set for',
  what: 'device group',
  path: '/api/v1/device-groups',
  id: deviceGroupId,
}

const NAME = ['name', 'name or ID'] as const
const RULE_HELP = `
A rule chooses devices by what they report, such as
  --rule '(device.displayName -startsWith "DE-") -and (device.trustType -eq "AzureAD")'`

export function unitsCommand(): Command {
  return deviceSetsCommand(UNITS)
}

export function deviceGroupsCommand(): Command {
  return deviceSetsCommand(DEVICE_GROUPS)
}

function deviceSetsCommand(kind: Kind): Command {
  return commandGroup(kind.command, kind.description, [
    list(kind),
    showCommand<DeviceSet>({
      description: `Show a ${kind.what}`,
      argument: NAME,
      path: async (service, name) => await setPath(kind, service, name),
      fields: (set) => [
        ['Name', set.displayName],
        ['Description', set.description],
        ['Rule', set.membershipRule ?? 'none: members are assigned'],
        ['Members', set.memberCount],
        ['ID', set.id],
        ['Made', time(set.createdAt)],
      ],
    }),
    create(kind),
    update(kind),
    remove(kind),
    members(kind),
    changeMembers(kind, 'add-members', `Add devices to a ${kind.what}`, 'add'),
    changeMembers(kind, 'remove-members', `Remove devices from a ${kind.what}`, 'remove'),
    preview(kind),
  ])
}

async function setPath(kind: Kind, service: Service, name: string): Promise<string> {
  return `${kind.path}/${await kind.id(service, name)}`
}

function list(kind: Kind): Command {
  return listCommand<DeviceSet, { search?: string }>({
    description: `List ${kind.what}s`,
    path: kind.path,
    declare: (command) => command.option('--search <text>', 'whose name begins with it'),
    query: (_service, { search }) => ({ search }),
    columns: [
      { title: 'name', cell: (set) => set.displayName },
      { title: 'members', cell: (set) => set.memberCount },
      { title: 'rule', cell: (set) => set.membershipRule ?? 'assigned' },
      { title: 'id', cell: (set) => set.id },
    ],
    none: `No ${kind.what}s.`,
  })
}

interface SetOptions {
  readonly name?: string
  readonly description?: string
  readonly rule?: string | false
}

function create(kind: Kind): Command {
  const command = newCommand('create', `Make a ${kind.what}`, [['name', 'its name']])
    .option('--description <text>', 'what it is for')
    .option('--rule <rule>', 'which devices are in it; without one, members are assigned')
    .addHelpText('after', RULE_HELP)
  return onService<SetOptions>(command, async (service, [name = ''], { description, rule }) => {
    const set = await service.post<DeviceSet>(kind.path, {
      displayName: name,
      ...(description === undefined ? {} : { description }),
      ...(typeof rule === 'string' ? { membershipRule: rule } : {}),
    })
    return { json: set, text: `Made the ${kind.what} ${oneLine(set.displayName)} (${set.id}).\n` }
  })
}

function update(kind: Kind): Command {
  const command = newCommand('update', `Change a ${kind.what}; what is not named stays`, [NAME])
    .option('--name <name>', 'new name')
    .option('--description <text>', 'what it is for; empty takes it away')
    .option('--rule <rule>', 'the members are those that it selects')
    .option('--no-rule', 'members are assigned from now on')
    .addHelpText('after', RULE_HELP)
  return onService<SetOptions>(command, async (service, [set = ''], options) => {
    const { name, description, rule } = options
    const changed = await service.patch<DeviceSet>(await setPath(kind, service, set), {
      ...(name === undefined ? {} : { displayName: name }),
      ...(description === undefined ? {} : { description: description || null }),
      ...(rule === false ? { membershipRule: null } : {}),
      ...(typeof rule === 'string' ? { membershipRule: rule } : {}),
    })
    return { json: changed, text: `Changed the ${kind.what} ${oneLine(changed.displayName)}.\n` }
  })
}

function remove(kind: Kind): Command {
  const command = newCommand('delete', `Delete a ${kind.what}; its devices stay`, [NAME])
  return onService(command, async (service, [name = '']) => {
    const id = await kind.id(service, name)
    await service.delete(`${kind.path}/${id}`)
    return { json: { id }, text: `Deleted the ${kind.what} ${oneLine(name)}.\n` }
  })
}

function members(kind: Kind): Command {
  return listCommand<DeviceSetMember>({
    name: 'members',
    description: `List the devices of a ${kind.what}`,
    declare: (command) => command.argument(...NAME),
    path: async (service, [name = '']) => `${await setPath(kind, service, name)}/members`,
    columns: [
      { title: 'device', cell: (member) => member.name },
      { title: 'since', cell: (member) => time(member.addedAt) },
      { title: 'id', cell: (member) => member.id },
    ],
    none: 'No devices.',
  })
}

function changeMembers(
  kind: Kind,
  name: string,
  description: string,
  change: 'add' | 'remove',
): Command {
  const devices = ['device...', 'computer names or IDs'] as const
  const command = newCommand(name, description, [NAME, devices])
  return onService(command, async (service, [set = '', ...names]) => {
    const ids = await Promise.all(names.map(async (device) => await deviceId(service, device)))
    const path = `${await setPath(kind, service, set)}/members`
    const changed = await service.post<ChangedMembers>(path, { [change]: ids })
    return { json: changed, text: changedText(changed) }
  })
}

function preview(kind: Kind): Command {
  const command = newCommand('preview-rule', 'Show which devices a rule would select', [
    ['rule', 'membership rule'],
  ]).addHelpText('after', RULE_HELP)
  return onService(command, async (service, [rule = '']) => {
    const path = `${kind.path}/preview`
    const answer = await service.post<MembershipRulePreview>(path, { membershipRule: rule })
    const text = renderFields([
      ['Rule', answer.membershipRule],
      ['Devices', answer.deviceCount],
      ['Such as', answer.devices.map(({ name, id }) => `${name} (${id})`)],
    ])
    return { json: answer, text }
  })
}
