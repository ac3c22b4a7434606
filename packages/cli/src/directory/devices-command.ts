/** `keydesk devices`: PCs, their owners, and replacing their recovery passwords. */
import type {
  DeviceDetail,
  DeviceOwnership,
  DeviceSummary,
  RequestedRotations,
} from '@keydesk/contract'
import type { Command } from 'commander'
import {
  commandGroup,
  listCommand,
  newCommand,
  onService,
  showCommand,
  type Fields,
} from '../service/commands.ts'
import { deviceId, userId } from '../service/find-by-name.ts'
import { oneLine } from '../service/one-line.ts'
import { renderFields, time } from '../service/render-table.ts'
import { exportCommand, importCommand } from './csv-commands.ts'

const DEVICE = ['device', 'computer name or ID'] as const
const USER = ['user', 'user principal name or ID'] as const

export function devicesCommand(): Command {
  return commandGroup('devices', 'PCs and their owners', [
    list(),
    showCommand<DeviceDetail>({
      description: 'Show a device with its volumes and stored keys',
      argument: DEVICE,
      path: async (service, name) => `/api/v1/devices/${await deviceId(service, name)}`,
      fields,
    }),
    commandGroup('owner', 'To whom a device belongs', [showOwner(), setOwner(), clearOwner()]),
    rotate(),
    importCommand({ what: 'owners and sets of devices', path: '/api/v1/devices/import' }),
    exportCommand('devices with owners and sets', '/api/v1/devices/export'),
  ])
}

function list(): Command {
  return listCommand<DeviceSummary, { search?: string }>({
    description: 'List devices',
    path: '/api/v1/devices',
    declare: (command) =>
      command.option('--search <text>', 'whose computer name or serial number begins with it'),
    query: (_service, { search }) => ({ search }),
    columns: [
      { title: 'device', cell: ({ facts }) => facts.name },
      { title: 'serial number', cell: ({ facts }) => facts.serialNumber },
      { title: 'model', cell: ({ facts }) => facts.model },
      { title: 'owner', cell: (device) => device.owner?.userPrincipalName },
      { title: 'last seen', cell: (device) => time(device.lastSeenAt) ?? 'never' },
      { title: 'id', cell: (device) => device.id },
    ],
    none: 'No devices.',
  })
}

function fields(device: DeviceDetail): Fields {
  const { facts } = device
  return [
    ['Device', facts.name],
    ['Model', joined(facts.manufacturer, facts.model)],
    ['Serial number', facts.serialNumber],
    ['Windows', joined(facts.osVersion, facts.osBuild)],
    ['Joined', facts.joinType],
    ['Owner', device.owner?.userPrincipalName],
    ['ID', device.id],
    ['Enrolled', time(device.enrolledAt)],
    ['Last seen', time(device.lastSeenAt) ?? 'never'],
    [
      'Volumes',
      device.volumes.map(
        (volume) =>
          `${volume.mountPoint ?? volume.id}  ${volume.status}, protection ${volume.protection}`,
      ),
    ],
    [
      'Stored keys',
      device.keys.map(
        (key) =>
          `${key.recoveryKeyId.toUpperCase()}  ${key.volume.mountPoint ?? key.volume.id}, ` +
          `${key.state}, ${key.proof}${key.isExposed ? ', EXPOSED' : ''}`,
      ),
    ],
    ['Open exposures', device.exposures.filter(({ state }) => state === 'open').length],
  ]
}

function joined(...facts: readonly (string | undefined)[]): string | undefined {
  const known = facts.filter((fact) => fact !== undefined)
  return known.length === 0 ? undefined : known.join(' ')
}

function showOwner(): Command {
  const command = newCommand('show', 'Show the owner and earlier ones', [DEVICE])
  return onService(command, async (service, [name = '']) => {
    const ownership = await service.get<DeviceOwnership>(await ownerPath(service, name))
    return { json: ownership, text: ownershipText(ownership) }
  })
}

function setOwner(): Command {
  const command = newCommand(
    'set',
    'Give a device to a user; if it had another owner, its recovery passwords are replaced',
    [DEVICE, USER],
  )
  return onService(command, async (service, [device = '', user = '']) => {
    const body = { userId: await userId(service, user) }
    const ownership = await service.put<DeviceOwnership>(await ownerPath(service, device), body)
    return { json: ownership, text: ownershipText(ownership) }
  })
}

function clearOwner(): Command {
  const command = newCommand('clear', 'Take a device away from its owner', [DEVICE])
  return onService(command, async (service, [name = '']) => {
    const path = await ownerPath(service, name)
    await service.delete(path)
    return { json: { owner: null }, text: `${oneLine(name)} has no owner now.\n` }
  })
}

type Service = Parameters<typeof deviceId>[0]

async function ownerPath(service: Service, name: string): Promise<string> {
  return `/api/v1/devices/${await deviceId(service, name)}/owner`
}

function ownershipText({ owner, history }: DeviceOwnership): string {
  const nobody = 'nobody'
  return renderFields([
    ['Owner', owner === undefined ? nobody : owner.userPrincipalName],
    [
      'Changes',
      history.map(
        ({ changedAt, from, to, cause }) =>
          `${time(changedAt)}  ${from?.userPrincipalName ?? nobody} -> ` +
          `${to?.userPrincipalName ?? nobody} (${cause})`,
      ),
    ],
  ])
}

function rotate(): Command {
  const command = newCommand('rotate', 'Have the recovery passwords of a device replaced', [DEVICE])
  return onService(command, async (service, [name = '']) => {
    const path = `/api/v1/devices/${await deviceId(service, name)}/rotations`
    const requested = await service.post<RequestedRotations>(path, {})
    const count = requested.items.length
    const what = `${count} recovery ${count === 1 ? 'password' : 'passwords'}`
    return {
      json: requested,
      text: `${oneLine(name)} is told to replace ${what} when it next checks in.\n`,
    }
  })
}
