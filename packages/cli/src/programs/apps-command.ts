/** `keydesk apps`: programs, what they may do, and what proves them. A secret is printed once. */
import { readFile } from 'node:fs/promises'
import type { App, AppCredential, CreatedAppSecret } from '@keydesk/contract'
import type { Command } from 'commander'
import { CommandError } from '../command-error.ts'
import {
  commandGroup,
  listCommand,
  newCommand,
  onService,
  showCommand,
} from '../service/commands.ts'
import { appId } from '../service/find-by-name.ts'
import { oneLine } from '../service/one-line.ts'
import { collect, duration } from '../service/option-values.ts'
import { time } from '../service/render-table.ts'

const APP = ['app', 'name or ID'] as const
const HALF_YEAR_SECONDS = 180 * 86_400
type Service = Parameters<typeof appId>[0]

export function appsCommand(): Command {
  return commandGroup('apps', 'Programs and their secrets', [
    listCommand<App>({
      description: 'List programs',
      path: '/api/v1/apps',
      columns: [
        { title: 'program', cell: (app) => app.displayName },
        { title: 'enabled', cell: (app) => app.isEnabled },
        { title: 'may', cell: (app) => app.appRoles.join(', ') },
        { title: 'last used', cell: (app) => time(lastUse(app)) ?? 'never' },
        { title: 'client id', cell: (app) => app.id },
      ],
      none: 'No programs.',
    }),
    showCommand<App>({
      description: 'Show a program with its secrets and keys',
      argument: APP,
      path: appPath,
      fields: (app) => [
        ['Program', app.displayName],
        ['Description', app.description],
        ['Enabled', app.isEnabled],
        ['Client ID', app.id],
        ['External client', app.externalClientId],
        ['May', app.appRoles],
        ['Credentials', app.credentials.map(credentialText)],
        ['Registered', time(app.createdAt)],
      ],
    }),
    create(),
    update(),
    remove(),
    addSecret(),
    addKey(),
    revoke(),
  ])
}

async function appPath(service: Service, name: string): Promise<string> {
  return `/api/v1/apps/${await appId(service, name)}`
}

/** RFC 3339 texts of one form sort as times. */
function lastUse(app: App): string | undefined {
  return app.credentials
    .flatMap(({ lastUsedAt }) => lastUsedAt ?? [])
    .toSorted()
    .at(-1)
}

function credentialText(credential: AppCredential): string {
  const { kind, name, hint, keyId, state, expiresAt, lastUsedAt, id } = credential
  const mark = kind === 'secret' ? `secret …${hint ?? ''}` : `key ${keyId ?? ''}`
  const used = lastUsedAt === undefined ? 'never used' : `used ${time(lastUsedAt)}`
  return `${name}: ${mark}, ${state}, until ${time(expiresAt)}, ${used} (${id})`
}

interface AppOptions {
  readonly name?: string
  readonly description?: string
  readonly appRole?: string[]
  readonly externalClient?: string
  readonly enable?: boolean
  readonly disable?: boolean
}

function create(): Command {
  const command = newCommand('create', 'Register a program', [['name', 'its name']])
    .option('--description <text>', 'what it is for')
    .option('--app-role <name>', 'such as BitlockerKey.Read.All; repeat for more', collect)
    .option('--external-client <id>', 'its client ID at the external issuer')
  return onService<AppOptions>(command, async (service, [name = ''], options) => {
    const { description, appRole, externalClient } = options
    const app = await service.post<App>('/api/v1/apps', {
      displayName: name,
      ...(description === undefined ? {} : { description }),
      ...(appRole === undefined ? {} : { appRoles: appRole }),
      ...(externalClient === undefined ? {} : { externalClientId: externalClient }),
    })
    const text = `Registered ${oneLine(app.displayName)} with the client ID ${app.id}.\n`
    if (app.externalClientId !== undefined) return { json: app, text }
    return { json: app, text: `${text}"keydesk apps add-secret ${app.id}" gives it a secret.\n` }
  })
}

function update(): Command {
  const command = newCommand('update', 'Change a program; what is not named stays', [APP])
    .option('--name <name>', 'new name')
    .option('--description <text>', 'what it is for; empty takes it away')
    .option('--app-role <name>', 'all that it may do; repeat for more', collect)
    .option('--external-client <id>', 'its client ID at the external issuer; empty: none')
    .option('--enable', 'let it sign in again')
    .option('--disable', 'cut it off at once')
  return onService<AppOptions>(command, async (service, [app = ''], options) => {
    const { name, description, appRole, externalClient, enable, disable } = options
    const isEnabled = disable === true ? false : enable
    const changed = await service.patch<App>(await appPath(service, app), {
      ...(name === undefined ? {} : { displayName: name }),
      ...(description === undefined ? {} : { description: description || null }),
      ...(appRole === undefined ? {} : { appRoles: appRole }),
      ...(externalClient === undefined ? {} : { externalClientId: externalClient || null }),
      ...(isEnabled === undefined ? {} : { isEnabled }),
    })
    return { json: changed, text: `Changed ${oneLine(changed.displayName)}.\n` }
  })
}

function remove(): Command {
  const command = newCommand('delete', 'Delete a program; what it did stays on record', [APP])
  return onService(command, async (service, [name = '']) => {
    const id = await appId(service, name)
    await service.delete(`/api/v1/apps/${id}`)
    return { json: { id }, text: `Deleted ${oneLine(name)}.\n` }
  })
}

interface CredentialOptions {
  readonly name: string
  readonly expiresIn: number
}

function withCredentialOptions(command: Command): Command {
  return command
    .option('--name <text>', 'what it is for, or where it is kept', 'keydesk command line')
    .option('--expires-in <time>', 'such as 90d', duration, HALF_YEAR_SECONDS)
}

function addSecret(): Command {
  const command = newCommand('add-secret', 'Make a secret; it is shown this once', [APP])
  return onService<CredentialOptions>(
    withCredentialOptions(command),
    async (service, [app = ''], { name, expiresIn }) => {
      const path = `${await appPath(service, app)}/secrets`
      const body = { name, expiresInSeconds: expiresIn }
      const created = await service.post<CreatedAppSecret>(path, body)
      if (process.stdout.isTTY) {
        process.stderr.write(
          `Works until ${time(created.expiresAt)}. It is shown this once (ID ${created.id}):\n\n`,
        )
      }
      return { json: created, text: `${oneLine(created.secret)}\n` }
    },
  )
}

function addKey(): Command {
  const command = newCommand('add-key', 'Register the public key of a program', [
    APP,
    ['file', 'public JWK, EC P-256'],
  ])
  return onService<CredentialOptions>(
    withCredentialOptions(command),
    async (service, [app = '', file = ''], { name, expiresIn }) => {
      const body = { name, expiresInSeconds: expiresIn, publicKey: await readPublicJwk(file) }
      const path = `${await appPath(service, app)}/public-keys`
      const created = await service.post<AppCredential>(path, body)
      return { json: created, text: `Added the key ${created.keyId ?? ''} (${created.id}).\n` }
    },
  )
}

/** Throws CommandError FILE_READ, also for a private key: that belongs to the program alone. */
async function readPublicJwk(file: string): Promise<object> {
  let jwk: unknown
  try {
    jwk = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : ''
    throw new CommandError('FILE_READ', `${file} cannot be read as JSON${code}`, { cause })
  }
  if (typeof jwk !== 'object' || jwk === null || 'd' in jwk) {
    throw new CommandError('FILE_READ', `${file} is not a public JWK: give one without "d"`)
  }
  return jwk
}

function revoke(): Command {
  const command = newCommand('revoke', 'Revoke a secret or a key', [
    APP,
    ['id', 'ID of the credential, as show has it'],
  ])
  return onService(command, async (service, [app = '', id = '']) => {
    await service.delete(`${await appPath(service, app)}/credentials/${encodeURIComponent(id)}`)
    return { json: { id }, text: 'It is revoked.\n' }
  })
}
