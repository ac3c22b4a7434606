/**
 * `keydesk login`: the device authorization grant (RFC 8628). The person approves in a browser, on
 * this machine or another. Invariant: a sign-in is kept only after the service has accepted it.
 */
import type { SignInInfo } from '@keydesk/contract'
import { CommandError } from '../command-error.ts'
import { interruption } from '../interruption.ts'
import { print, printJson } from '../print.ts'
import { oneLine } from '../service/one-line.ts'
import { Service } from '../service/service.ts'
import type { ServiceOptions } from '../service/service-options.ts'
import { serviceFailure } from '../service/service-error.ts'
import { fetchSignInInfo } from '../service/sign-in-info.ts'
import { serverByName } from '../session/access-token.ts'
import { IssuerClient, type DeviceCode, type Tokens } from '../session/issuer-client.ts'
import { readSessions, updateSessions, type Session } from '../session/session-file.ts'
import { requireTrustedIssuer } from '../session/require-trusted-issuer.ts'
import { sessionFolder } from '../session/session-folder.ts'
import { fetchMe } from './fetch-me.ts'

export interface LoginOptions extends ServiceOptions {
  readonly stepUp?: boolean
  /** The issuer, where it is not that of the service. */
  readonly issuer?: string
}

export async function login(options: LoginOptions): Promise<number> {
  const { current, services } = await readSessions(sessionFolder())
  const server = serverByName(options.server, process.env) ?? current
  if (server === undefined) {
    throw new CommandError('USAGE', 'Say which service: --server https://… or KEYDESK_SERVER')
  }
  const info = await fetchSignInInfo(server)
  const named = options.issuer ?? services[server]?.issuer
  requireTrustedIssuer(server, info, { named, how: '--issuer URL' })
  const { cli, issuer, resource } = info
  if (cli === undefined) {
    throw serviceFailure(
      'SIGN_IN_FAILED',
      `The issuer of ${server} has no client for the command line: its administrator names one ` +
        'with KEYDESK_OIDC_CLI_CLIENT_ID',
    )
  }
  const client = await IssuerClient.discover({ issuer, clientId: cli.clientId, resource })
  const request = { scope: cli.scope, ...stepUp(info, options) }
  const tokens = await client.signIn(request, (code) => tell(server, code), interruption())
  const me = await acceptedBy(server, client, tokens)
  await keep(server, {
    issuer,
    clientId: cli.clientId,
    ...(resource === undefined ? {} : { resource }),
    ...tokens,
    signedInAt: new Date().toISOString(),
  })
  if (options.json === true) await printJson({ server, user: me })
  else await print(`Signed in at ${server} as ${oneLine(me.name)}.\n`)
  return 0
}

/** Standard error, so that the answer of `--json` stands alone. */
function tell(server: string, code: DeviceCode): void {
  const minutes = Math.max(1, Math.floor(code.expiresInSeconds / 60))
  const link = code.verificationUriComplete
  process.stderr.write(
    `To sign in at ${server}, open\n\n  ${code.verificationUri}\n\n` +
      `in a browser and enter the code\n\n  ${code.userCode}\n\n` +
      (link === undefined ? '' : `This link has the code in it:\n\n  ${link}\n\n`) +
      `Waiting for ${minutes} ${minutes === 1 ? 'minute' : 'minutes'} …\n`,
  )
}

function stepUp(info: SignInInfo, options: LoginOptions): Readonly<Record<string, string>> {
  if (options.stepUp !== true) return {}
  const { stepUpAcrValues } = info
  return {
    prompt: 'login',
    ...(stepUpAcrValues === undefined ? {} : { acr_values: stepUpAcrValues }),
  }
}

async function acceptedBy(server: string, client: IssuerClient, tokens: Tokens) {
  const access = { server, source: 'program', token: tokens.accessToken } as const
  try {
    return await fetchMe(Service.with(access))
  } catch (error) {
    await revoke(client, tokens.refreshToken)
    throw error
  }
}

async function keep(server: string, session: Session): Promise<void> {
  const before = await updateSessions(sessionFolder(), async (sessions) => ({
    sessions: {
      version: 1,
      current: server,
      services: { ...sessions.services, [server]: session },
    },
    result: await Promise.resolve(sessions.services[server]),
  }))
  if (before === undefined) return
  const { issuer, clientId, resource, refreshToken } = before
  const client = await IssuerClient.discover({ issuer, clientId, resource }).catch(() => undefined)
  await revoke(client, refreshToken)
}

/** What cannot be revoked now ends by itself. */
async function revoke(
  client: IssuerClient | undefined,
  refreshToken: string | undefined,
): Promise<void> {
  if (refreshToken !== undefined) await client?.revoke(refreshToken).catch(() => undefined)
}
