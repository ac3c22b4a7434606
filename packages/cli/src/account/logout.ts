/**
 * `keydesk logout`: the refresh token is revoked at the issuer and the sign-in forgotten here. It
 * is forgotten even if the issuer cannot be reached; that is said, and exit code 1.
 */
import { CommandError } from '../command-error.ts'
import { print, printJson } from '../print.ts'
import type { ServiceOptions } from '../service/service-options.ts'
import { serviceFailure } from '../service/service-error.ts'
import { chosenServer, without } from '../session/access-token.ts'
import { IssuerClient } from '../session/issuer-client.ts'
import { readSessions, updateSessions, type Session } from '../session/session-file.ts'
import { sessionFolder } from '../session/session-folder.ts'

export interface LogoutOptions extends ServiceOptions {
  readonly all?: boolean
}

/** Idempotent. */
export async function logout(options: LogoutOptions): Promise<number> {
  const folder = sessionFolder()
  const found = await readSessions(folder)
  const servers =
    options.all === true
      ? Object.keys(found.services)
      : [chosenServer(options.server, process.env, found)]
  const ended: string[] = []
  const failures: string[] = []
  for (const server of servers) {
    const session = await updateSessions(folder, async (sessions) => ({
      sessions: without(sessions, server),
      result: await Promise.resolve(sessions.services[server]),
    }))
    if (session === undefined) continue
    ended.push(server)
    try {
      await revoke(session)
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      failures.push(`${server}: ${error.message}`)
    }
  }
  if (failures.length > 0) {
    throw serviceFailure(
      'SERVER_UNREACHABLE',
      `Signed out here, but the tokens are not revoked and end by themselves: ${failures.join('; ')}`,
    )
  }
  if (options.json === true) await printJson({ servers: ended })
  else if (ended.length === 0) await print('You were not signed in.\n')
  else await print(ended.map((server) => `Signed out of ${server}.\n`).join(''))
  return 0
}

async function revoke({ issuer, clientId, resource, refreshToken }: Session): Promise<void> {
  if (refreshToken === undefined) return
  const client = await IssuerClient.discover({ issuer, clientId, resource })
  await client.revoke(refreshToken)
}
