/** `keydesk access`: who could be shown a device's key, and what somebody can do; with why. */
import type { AccessReason, DeviceAccessPage, PrincipalAccess } from '@keydesk/contract'
import type { Command } from 'commander'
import { commandGroup, listCommand, newCommand, onService } from '../service/commands.ts'
import { appId, deviceId, userId } from '../service/find-by-name.ts'
import { renderTable, time } from '../service/render-table.ts'
import type { Service } from '../service/service.ts'
import { scopeText } from './scope-text.ts'

const REACH = { everything: 'everything', some: 'some devices', nothing: 'NOTHING' } as const

export function accessCommand(): Command {
  return commandGroup('access', 'Who could read a key, and what somebody can do, and why', [
    ofDevice(),
    ofPrincipal('user', 'What a user can do, and why', ['user', 'user principal name or ID'], {
      path: 'users',
      id: userId,
    }),
    ofPrincipal('app', 'What a program can do, and why', ['app', 'name or ID'], {
      path: 'apps',
      id: appId,
    }),
  ])
}

function ofDevice(): Command {
  return listCommand<DeviceAccessPage['items'][number], { permission?: string }>({
    name: 'device',
    description: 'Who could be shown the recovery passwords of a device, and why',
    declare: (command) =>
      command
        .argument('<device>', 'computer name or ID')
        .option('--permission <name>', 'to do something else with it'),
    path: async (service, [name = '']) => `/api/v1/devices/${await deviceId(service, name)}/access`,
    query: (_service, { permission }) => ({ permission }),
    columns: [
      {
        title: 'who',
        cell: ({ principal }) => principal.userPrincipalName ?? principal.displayName,
      },
      { title: 'type', cell: ({ principal }) => principal.type },
      {
        title: 'allowed',
        cell: ({ isAllowed, onlyWithApproval }) =>
          onlyWithApproval === true ? 'with approval' : isAllowed,
      },
      { title: 'because of', cell: ({ allowedBy }) => allowedBy.map(reasonText).join('; ') },
      { title: 'denied by', cell: ({ deniedBy }) => deniedBy.map(reasonText).join('; ') },
    ],
    none: 'Nobody.',
  })
}

interface Holder {
  readonly path: 'users' | 'apps'
  readonly id: (service: Service, name: string) => Promise<string>
}

function ofPrincipal(
  name: string,
  description: string,
  argument: readonly [string, string],
  { path, id }: Holder,
): Command {
  return onService(newCommand(name, description, [argument]), async (service, [text = '']) => {
    const where = `/api/v1/${path}/${await id(service, text)}/access`
    const access = await service.get<PrincipalAccess>(where)
    return { json: access, text: principalText(access) }
  })
}

function principalText({ isActive, reasons, permissions }: PrincipalAccess): string {
  const why = (places: readonly number[]): string =>
    places
      .flatMap((place) => reasons[place] ?? [])
      .map(reasonText)
      .join('; ')
  const table = renderTable(
    [
      { title: 'permission', cell: (row) => row.permission },
      { title: 'for', cell: (row) => REACH[row.reach] },
      { title: 'because of', cell: (row) => why(row.allowedBy) },
      { title: 'denied by', cell: (row) => why(row.deniedBy) },
    ],
    permissions,
  )
  const note = isActive ? '' : 'DISABLED: nothing of this now.\n'
  return note + (table === '' ? 'No permissions.\n' : table)
}

function reasonText(reason: AccessReason): string {
  if (reason.by === 'ownership') return 'owner'
  if (reason.by === 'appRole') return `app role ${reason.appRole ?? ''}`
  const group = reason.group === undefined ? '' : ` by group ${reason.group.displayName}`
  const end = reason.expiresAt === undefined ? '' : ` until ${time(reason.expiresAt)}`
  const terms = reason.withApproval === true ? ', with approval' : ''
  return `${reason.role?.displayName ?? ''} for ${scopeText(reason)}${group}${end}${terms}`
}
