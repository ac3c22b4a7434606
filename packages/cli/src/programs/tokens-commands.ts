/**
 * `keydesk enrollment-tokens` and `keydesk provisioning-tokens`. A token is printed once, when it is
 * made, and alone on standard output, so that it can go into a file.
 */
import type {
  CreatedEnrollmentToken,
  CreatedProvisioningToken,
  EnrollmentToken,
  ProvisioningToken,
} from '@keydesk/contract'
import type { Command } from 'commander'
import { commandGroup, listCommand, newCommand, onService } from '../service/commands.ts'
import { oneLine } from '../service/one-line.ts'
import { duration, positiveInteger } from '../service/option-values.ts'
import { time } from '../service/render-table.ts'

const ENROLLMENT = '/api/v1/enrollment-tokens'
const PROVISIONING = '/api/v1/provisioning-tokens'
const DAY = 86_400

export function enrollmentTokensCommand(): Command {
  return commandGroup('enrollment-tokens', 'What lets devices enrol', [
    createEnrollmentToken(),
    listCommand<EnrollmentToken>({
      description: 'List enrolment tokens',
      path: ENROLLMENT,
      columns: [
        { title: 'name', cell: (token) => token.name },
        { title: 'state', cell: (token) => token.state },
        { title: 'used', cell: (token) => `${token.usesCount} of ${token.usesMax}` },
        { title: 'until', cell: (token) => time(token.expiresAt) },
        { title: 'group', cell: (token) => token.groupName },
        { title: 'id', cell: (token) => token.id },
      ],
      none: 'No enrolment tokens.',
    }),
    revoke('an enrolment token', ENROLLMENT),
  ])
}

export function provisioningTokensCommand(): Command {
  return commandGroup('provisioning-tokens', 'What lets a SCIM client provision users and groups', [
    createProvisioningToken(),
    listCommand<ProvisioningToken>({
      description: 'List provisioning tokens',
      path: PROVISIONING,
      columns: [
        { title: 'name', cell: (token) => token.name },
        { title: 'state', cell: (token) => token.state },
        { title: 'until', cell: (token) => time(token.expiresAt) },
        { title: 'last used', cell: (token) => time(token.lastUsedAt) ?? 'never' },
        { title: 'id', cell: (token) => token.id },
      ],
      none: 'No provisioning tokens.',
    }),
    revoke('a provisioning token', PROVISIONING),
  ])
}

interface CreateOptions {
  readonly expiresIn: number
}

function createEnrollmentToken(): Command {
  const command = newCommand('create', 'Make an enrolment token; it is shown this once', [
    ['name', 'what it is for'],
  ])
    .option('--uses <n>', 'how many devices may enrol with it', positiveInteger, 1)
    .option('--expires-in <time>', 'such as 12h or 90d', duration, DAY)
    .option('--group <name>', 'group label of the devices that it enrols')
    .addHelpText('after', '\nWithout options it enrols one device, within a day.')
  return onService<CreateOptions & { uses: number; group?: string }>(
    command,
    async (service, [name = ''], { uses, expiresIn, group }) => {
      const created = await service.post<CreatedEnrollmentToken>(ENROLLMENT, {
        name,
        usesMax: uses,
        expiresInSeconds: expiresIn,
        ...(group === undefined ? {} : { groupName: group }),
      })
      return shownOnce(created)
    },
  )
}

function createProvisioningToken(): Command {
  const command = newCommand('create', 'Make a provisioning token; it is shown this once', [
    ['name', 'who provisions with it'],
  ]).option('--expires-in <time>', 'such as 90d', duration, 180 * DAY)
  return onService<CreateOptions>(command, async (service, [name = ''], { expiresIn }) => {
    const body = { name, expiresInSeconds: expiresIn }
    return shownOnce(await service.post<CreatedProvisioningToken>(PROVISIONING, body))
  })
}

function shownOnce(created: CreatedEnrollmentToken | CreatedProvisioningToken) {
  if (process.stdout.isTTY) {
    process.stderr.write(
      `Works until ${time(created.expiresAt)}. It is shown this once (ID ${created.id}):\n\n`,
    )
  }
  return { json: created, text: `${oneLine(created.token)}\n` }
}

function revoke(what: string, path: string): Command {
  const command = newCommand('revoke', `Revoke ${what}`, [['id', 'ID, as list shows it']])
  return onService(command, async (service, [id = '']) => {
    await service.delete(`${path}/${encodeURIComponent(id)}`)
    return { json: { id }, text: 'It is revoked.\n' }
  })
}
