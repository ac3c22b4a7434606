/** HTTP of who one is, and of sessions: one's own and, for administrators, those of others. */

import {
  EndedSessions,
  Me,
  OwnSessionParams,
  SessionList,
  UserSessionParams,
  UserSessionsParams,
} from '@keydesk/contract'
import { principalOf, userOf } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import { endAllSignIns, endOwnSession, endUserSession } from './end-sessions.ts'
import { showMe } from './show-me.ts'
import { showSessions } from './show-sessions.ts'

export function sessionRoutes(app: App, deps: Deps): void {
  app.get('/api/v1/me', { schema: { response: { 200: Me } } }, async (request) => {
    return await showMe(deps, principalOf(request))
  })

  app.get(
    '/api/v1/me/sessions',
    { schema: { response: { 200: SessionList } } },
    async (request) => {
      const { id, sessionId } = userOf(request)
      return await showSessions(deps, id, sessionId)
    },
  )

  app.delete(
    '/api/v1/me/sessions/:id',
    { schema: { params: OwnSessionParams, response: { 200: EndedSessions } } },
    async (request) => {
      const by = { principal: userOf(request), requestId: request.id }
      return await endOwnSession(deps, by, request.params.id)
    },
  )

  app.get(
    '/api/v1/users/:userId/sessions',
    { schema: { params: UserSessionsParams, response: { 200: SessionList } } },
    async (request) => {
      const { actor } = request
      const current = actor.type === 'user' ? actor.sessionId : undefined
      return await showSessions(deps, request.params.userId, current)
    },
  )

  app.delete(
    '/api/v1/users/:userId/sessions',
    { schema: { params: UserSessionsParams, response: { 200: EndedSessions } } },
    async (request) => {
      const by = { principal: principalOf(request), requestId: request.id }
      return await endAllSignIns(deps, by, request.params.userId)
    },
  )

  app.delete(
    '/api/v1/users/:userId/sessions/:sessionId',
    { schema: { params: UserSessionParams, response: { 200: EndedSessions } } },
    async (request) => {
      const by = { principal: principalOf(request), requestId: request.id }
      const { userId, sessionId } = request.params
      return await endUserSession(deps, by, { id: sessionId, userId })
    },
  )
}
