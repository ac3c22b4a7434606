/** `keydesk sessions`: browser sessions, own ones and, for administrators, those of a user. */
import type { EndedSessions, Session, SessionList } from '@keydesk/contract'
import type { Command } from 'commander'
import { CommandError } from '../command-error.ts'
import { commandGroup, newCommand, onService } from '../service/commands.ts'
import { userId } from '../service/find-by-name.ts'
import { oneLine } from '../service/one-line.ts'
import { renderTable, time, type Column } from '../service/render-table.ts'
import type { Service } from '../service/service.ts'

const USER_OPTION = ['--user <name>', 'of this user instead of your own'] as const

const COLUMNS: readonly Column<Session>[] = [
  { title: 'signed in', cell: (session) => time(session.createdAt) },
  { title: 'last seen', cell: (session) => time(session.lastSeenAt) },
  { title: 'ends', cell: (session) => time(session.expiresAt) },
  { title: 'by', cell: (session) => session.methods.join(', ') },
  { title: 'address', cell: (session) => session.ipAddress },
  { title: 'browser', cell: (session) => session.userAgent?.slice(0, 40) },
  { title: 'id', cell: (session) => session.id },
]

export function sessionsCommand(): Command {
  return commandGroup('sessions', 'Browser sessions, of yourself and of others', [list(), revoke()])
}

function list(): Command {
  const command = newCommand('list', 'List open sessions').option(...USER_OPTION)
  return onService<{ user?: string }>(command, async (service, _args, { user }) => {
    const sessions = await service.get<SessionList>(await sessionsPath(service, user))
    const { items } = sessions
    return {
      json: sessions,
      text: items.length === 0 ? 'No open sessions.\n' : renderTable(COLUMNS, items),
    }
  })
}

interface RevokeOptions {
  readonly user?: string
  readonly all?: boolean
}

function revoke(): Command {
  const command = newCommand('revoke', 'End a session, or with --all everything of a user', [
    ['[id]', 'ID, as list shows it'],
  ])
    .option(...USER_OPTION)
    .option('--all', 'every session and every token of the user')
  return onService<RevokeOptions>(command, async (service, [id], { user, all }) => {
    const path = await sessionsPath(service, user)
    if (all === true && id === undefined && user !== undefined) {
      const ended = await service.deleteFor<EndedSessions>(path)
      const text = `Ended ${ended.ended} open sessions of ${oneLine(user)}, and every token.\n`
      return { json: ended, text }
    }
    if (id === undefined || all === true) {
      throw new CommandError('USAGE', 'Give the ID of a session, or --user with --all')
    }
    await service.delete(`${path}/${encodeURIComponent(id)}`)
    return { json: { id }, text: 'The session has ended.\n' }
  })
}

async function sessionsPath(service: Service, user: string | undefined): Promise<string> {
  if (user === undefined) return '/api/v1/me/sessions'
  return `/api/v1/users/${await userId(service, user)}/sessions`
}
