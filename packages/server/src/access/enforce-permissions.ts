/**
 * Lets a request through only if the committed table (`PERMISSIONS` of the contract) allows its
 * route to the role of whoever sent it (promise P8). Acts before the body is validated, so that
 * strangers learn nothing about the schemas. Refusals are audited.
 */

import { routePermission } from '@keydesk/contract'
import type { FastifyRequest } from 'fastify'
import type { Deps } from '../deps.ts'
import type { AuthenticateDevice } from '../devices/authenticate-device.ts'
import type { RememberRequest } from '../devices/remember-request.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-type.ts'
import { auditActor, type Actor } from './actor.ts'
import { authenticateAdministrator } from './authenticate-administrator.ts'
import type { RecordDenial } from './record-denial.ts'

export interface Access {
  readonly authenticateDevice: AuthenticateDevice
  readonly rememberRequest: RememberRequest
  readonly recordDenial: RecordDenial
}

const PUBLIC: Actor = { role: 'public' }

export function enforcePermissions(app: App, deps: Deps, access: Access): void {
  app.decorateRequest('actor')
  app.addHook('preValidation', async (request) => {
    request.actor = PUBLIC
    if (request.is404) return
    const route = `${request.method} ${request.routeOptions.url}`
    try {
      request.actor = await admit(request, route)
    } catch (error) {
      await recordRefusal(access, request, route, error)
      throw error
    }
  })

  async function admit(request: FastifyRequest, route: string): Promise<Actor> {
    const row = routePermission(route)
    if (row === undefined) throw new AppError('FORBIDDEN', 'Nobody may call this.')
    if (row.roles.includes('public')) return PUBLIC
    const actor = await identify(request)
    request.actor = actor
    if (!row.roles.includes(actor.role)) {
      throw new AppError('FORBIDDEN', `This needs the permission ${row.permission}.`)
    }
    if (actor.role === 'device' && request.routeOptions.config.remembersRequest !== true) {
      await access.rememberRequest(actor.request)
    }
    return actor
  }

  async function identify(request: FastifyRequest): Promise<Actor> {
    const token = bearerToken(request)
    if (token === undefined) {
      throw new AppError('UNAUTHENTICATED', 'Send credentials as Authorization: Bearer.')
    }
    // A JWS has dots and a secret of ours has none: whichever it claims to be, it must prove.
    if (token.includes('.')) return await access.authenticateDevice(request, token)
    return await authenticateAdministrator(deps, token)
  }
}

/** RFC 6750 §2.1. */
export function bearerToken(request: FastifyRequest): string | undefined {
  return /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i.exec(request.headers.authorization ?? '')?.[1]
}

async function recordRefusal(
  access: Access,
  request: FastifyRequest,
  route: string,
  error: unknown,
): Promise<void> {
  if (!(error instanceof AppError) || error.status >= 500) return
  const { actor } = request
  await access.recordDenial({
    actor: auditActor(actor),
    deviceId: actor.role === 'device' ? actor.id : undefined,
    requestId: request.id,
    detail: { code: error.code, route },
  })
}
