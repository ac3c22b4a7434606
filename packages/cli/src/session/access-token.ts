/**
 * With which access token a command speaks to which service. In this order: KEYDESK_ACCESS_TOKEN;
 * a program's KEYDESK_CLIENT_ID and KEYDESK_CLIENT_SECRET_FILE; the person who ran `keydesk login`.
 * The service is `--server`, else KEYDESK_SERVER, else the one of the last login. Invariant: an
 * access token is only ever given to the service it was made for, and a secret to its issuer.
 */
import { CommandError, EXIT_REFUSED } from '../command-error.ts'
import { interruption } from '../interruption.ts'
import { SECRET_FILE_BYTES_MAX } from '../limits.ts'
import { parseServerUrl } from '../service/server-url.ts'
import { fetchSignInInfo } from '../service/sign-in-info.ts'
import { readFileBounded } from '../volume/read-file-bounded.ts'
import { requireTrustedIssuer } from './require-trusted-issuer.ts'
import { readSessions, updateSessions, type Session, type Sessions } from './session-file.ts'
import { sessionFolder } from './session-folder.ts'

export interface AccessToken {
  /** Origin of the service. */
  readonly server: string
  readonly source: 'environment' | 'program' | 'session'
  readonly token: string
  /** RFC 3339; unknown for a token that was handed in. */
  readonly expiresAt?: string
}

type Env = Readonly<Record<string, string | undefined>>

/** Renewed so long before its end: clocks differ, and a request takes its time. */
const RENEW_BEFORE_MS = 60_000

/** `server` is the value of --server. Throws CommandError NOT_SIGNED_IN and others. */
export async function accessToken(
  server: string | undefined,
  env: Env = process.env,
): Promise<AccessToken> {
  const token = value(env, 'KEYDESK_ACCESS_TOKEN')
  if (token !== undefined) {
    if (/[^\x21-\x7e]/.test(token)) {
      throw new CommandError('USAGE', 'KEYDESK_ACCESS_TOKEN is not an access token')
    }
    return { server: namedServer(server, env), source: 'environment', token }
  }
  if (value(env, 'KEYDESK_CLIENT_ID') !== undefined) return await programToken(server, env)
  return await sessionToken(server, env)
}

/** Another access token after the service refused one; undefined where there is no way to it. */
export async function renewedToken(refused: AccessToken): Promise<AccessToken | undefined> {
  if (refused.source !== 'session') return undefined
  const session = await renew(refused.server, (current) => current.accessToken === refused.token)
  if (session === undefined || session.accessToken === refused.token) return undefined
  return sessionAccess(refused.server, session)
}

/** `--server` or KEYDESK_SERVER, as an origin. */
export function serverByName(server: string | undefined, env: Env): string | undefined {
  const text = server ?? value(env, 'KEYDESK_SERVER')
  return text === undefined ? undefined : parseServerUrl(text)
}

async function programToken(server: string | undefined, env: Env): Promise<AccessToken> {
  const origin = namedServer(server, env)
  const file = value(env, 'KEYDESK_CLIENT_SECRET_FILE')
  if (file === undefined) {
    throw new CommandError('USAGE', 'KEYDESK_CLIENT_ID needs KEYDESK_CLIENT_SECRET_FILE')
  }
  const bytes = await readFileBounded(file, {
    bytesMax: SECRET_FILE_BYTES_MAX,
    signal: interruption(),
  })
  const info = await fetchSignInInfo(origin)
  requireTrustedIssuer(origin, info, {
    named: value(env, 'KEYDESK_ISSUER'),
    how: 'KEYDESK_ISSUER',
  })
  const { IssuerClient } = await import('./issuer-client.ts')
  const issuer = await IssuerClient.discover({
    issuer: info.issuer,
    clientId: value(env, 'KEYDESK_CLIENT_ID') ?? '',
    clientSecret: new TextDecoder().decode(bytes).trim(),
    resource: info.resource,
  })
  const tokens = await issuer.clientCredentials(value(env, 'KEYDESK_CLIENT_SCOPE'))
  return {
    server: origin,
    source: 'program',
    token: tokens.accessToken,
    expiresAt: tokens.expiresAt,
  }
}

async function sessionToken(server: string | undefined, env: Env): Promise<AccessToken> {
  const sessions = await readSessions(sessionFolder(env))
  const origin = chosenServer(server, env, sessions)
  const session = sessions.services[origin]
  if (session === undefined) throw notSignedIn(origin)
  if (!needsRenewal(session)) return sessionAccess(origin, session)
  const renewed = await renew(origin, needsRenewal)
  if (renewed === undefined) throw notSignedIn(origin)
  return sessionAccess(origin, renewed)
}

/** The service a command is for. Throws CommandError NOT_SIGNED_IN when there is none. */
export function chosenServer(server: string | undefined, env: Env, sessions: Sessions): string {
  const origin = serverByName(server, env) ?? sessions.current
  if (origin === undefined) {
    throw new CommandError(
      'NOT_SIGNED_IN',
      'You are not signed in: run "keydesk login --server https://…" first',
      { exitCode: EXIT_REFUSED },
    )
  }
  return origin
}

/**
 * Under the lock: whoever waited finds the tokens that another command renewed, and uses them.
 * Undefined: there is no sign-in any more.
 */
async function renew(
  server: string,
  isDue: (session: Session) => boolean,
): Promise<Session | undefined> {
  return await updateSessions(sessionFolder(), async (sessions) => {
    const session = sessions.services[server]
    if (session === undefined || !isDue(session)) return { sessions, result: session }
    const renewed = session.refreshToken === undefined ? undefined : await refresh(session)
    if (renewed === undefined) {
      // Kept only while its access token may still be good.
      const isOver = Date.parse(session.expiresAt) <= Date.now()
      return isOver ? { sessions: without(sessions, server), result: undefined } : keep(session)
    }
    const services = { ...sessions.services, [server]: renewed }
    return { sessions: { ...sessions, services }, result: renewed }

    function keep(result: Session) {
      return { sessions, result }
    }
  })
}

async function refresh(session: Session): Promise<Session | undefined> {
  const { issuer, clientId, resource, refreshToken = '' } = session
  const { IssuerClient } = await import('./issuer-client.ts')
  const client = await IssuerClient.discover({ issuer, clientId, resource })
  const tokens = await client.refresh(refreshToken)
  return tokens === undefined ? undefined : { ...session, ...tokens }
}

/** The sign-ins without that of one service. */
export function without(sessions: Sessions, server: string): Sessions {
  const { current, services } = sessions
  const others = Object.entries(services).filter(([origin]) => origin !== server)
  return {
    version: 1,
    ...(current === undefined || current === server ? {} : { current }),
    services: Object.fromEntries(others),
  }
}

function needsRenewal(session: Session): boolean {
  return Date.parse(session.expiresAt) - Date.now() < RENEW_BEFORE_MS
}

function sessionAccess(server: string, session: Session): AccessToken {
  return { server, source: 'session', token: session.accessToken, expiresAt: session.expiresAt }
}

function namedServer(server: string | undefined, env: Env): string {
  const origin = serverByName(server, env)
  if (origin !== undefined) return origin
  throw new CommandError('USAGE', 'Say which service: --server https://… or KEYDESK_SERVER')
}

function notSignedIn(server: string): CommandError {
  return new CommandError(
    'NOT_SIGNED_IN',
    `You are not signed in at ${server}: run "keydesk login --server ${server}"`,
    { exitCode: EXIT_REFUSED },
  )
}

function value(env: Env, name: string): string | undefined {
  const text = env[name]?.trim()
  return text === '' ? undefined : text
}
