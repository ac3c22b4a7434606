/**
 * Lets a request through only if the committed table (`PERMISSIONS` of the contract) allows its
 * route to whoever sent it (promise P8). Acts before the body is validated, so that strangers learn
 * nothing about the schemas. Refusals are audited.
 *
 * What somebody may not know of does not exist for him: a device out of his scope is 404. It is 403
 * only where he may see the device and not do this with it.
 */

import { routePermission, type RoutePermission } from '@keydesk/contract'
import type { FastifyRequest } from 'fastify'
import type { Deps } from '../deps.ts'
import type { AuthenticateDevice } from '../devices/authenticate-device.ts'
import type { RememberRequest } from '../devices/remember-request.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-type.ts'
import { auditActor, type Actor, type PrincipalActor } from './actor.ts'
import { reachesAny, reachesEverywhere } from './grants.ts'
import { loadPrincipal, type Credential } from './load-principal.ts'
import type { RecordDenial } from './record-denial.ts'
import { reachesDevice } from './within-reach.ts'

export interface Access {
  readonly authenticateDevice: AuthenticateDevice
  readonly rememberRequest: RememberRequest
  readonly recordDenial: RecordDenial
  /** Throws AppError UNAUTHENTICATED. */
  readonly authenticateToken: (token: string) => Promise<Credential>
}

const PUBLIC: Actor = { type: 'public' }

export function enforcePermissions(app: App, deps: Deps, access: Access): void {
  app.decorateRequest('actor')
  app.addHook('preValidation', async (request) => {
    request.actor = PUBLIC
    if (request.is404) return
    const route = `${request.method} ${request.routeOptions.url}`
    try {
      await admit(request, route)
    } catch (error) {
      await recordRefusal(access, request, route, error)
      throw error
    }
  })

  async function admit(request: FastifyRequest, route: string): Promise<void> {
    const row = routePermission(route)
    if (row === undefined) throw new AppError('FORBIDDEN', 'Nobody may call this.')
    if (row.audience === 'everyone') return
    request.actor = await identify(request, row)
    await judge(deps, request, row)
    const { actor } = request
    if (actor.type === 'device' && request.routeOptions.config.remembersRequest !== true) {
      await access.rememberRequest(actor.request)
    }
  }

  async function identify(request: FastifyRequest, row: RoutePermission): Promise<Actor> {
    const token = bearerToken(request)
    if (token === undefined) {
      throw new AppError('UNAUTHENTICATED', 'Send credentials as Authorization: Bearer.')
    }
    const isForDevices = row.audience === 'device' && token.includes('.')
    if (isForDevices || isDeviceRequest(token))
      return await access.authenticateDevice(request, token)
    return await principal(await access.authenticateToken(token))
  }

  async function principal(credential: Credential): Promise<PrincipalActor> {
    const loaded = await loadPrincipal(deps, credential)
    if (loaded === undefined) {
      throw new AppError('UNAUTHENTICATED', 'This sign-in is no longer valid. Sign in again.')
    }
    return loaded
  }
}

/** Throws AppError FORBIDDEN or NOT_FOUND. */
async function judge(deps: Deps, request: FastifyRequest, row: RoutePermission): Promise<void> {
  const { actor } = request
  const isPrincipal = actor.type === 'user' || actor.type === 'app'
  switch (row.audience) {
    case 'device':
      if (actor.type !== 'device') throw forbidden(row)
      return
    case 'user':
    case 'signedIn':
      if (!isPrincipal || (row.audience === 'user' && actor.type !== 'user')) throw forbidden(row)
      if (!actor.grants.covers(row.permission)) throw forbidden(row)
      return
    case 'directory':
      if (!isPrincipal || !reachesEverywhere(actor.grants.reach(row.permission))) {
        throw forbidden(row)
      }
      return
    case 'devices':
      if (!isPrincipal) throw forbidden(row)
      await judgeDevices(deps, request, actor, row)
      return
    case 'provisioning':
    case 'everyone':
      throw forbidden(row)
  }
}

async function judgeDevices(
  deps: Deps,
  request: FastifyRequest,
  actor: PrincipalActor,
  row: RoutePermission,
): Promise<void> {
  const names = [row.permission, ...(row.orPermission === undefined ? [] : [row.orPermission])]
  const reaches = names.map((name) => actor.grants.reach(name)).filter(reachesAny)
  if (reaches.length === 0) throw forbidden(row)
  const { deviceId } = request.params as { readonly deviceId?: string }
  if (deviceId === undefined) return
  const unknown = new AppError('NOT_FOUND', 'There is no device with this ID.')
  // Its form is judged later, by the schema of the route; the database would refuse another one.
  if (!/^[0-9a-f-]{36}$/.test(deviceId)) throw unknown
  for (const reach of reaches) if (await reachesDevice(deps.db, reach, deviceId)) return
  const mayKnow = actor.grants.reach('microsoft.directory/devices/standard/read')
  throw (await reachesDevice(deps.db, mayKnow, deviceId)) ? forbidden(row) : unknown
}

function forbidden({ permission, audience }: RoutePermission): AppError {
  const everywhere = audience === 'directory' ? ' for the whole directory' : ''
  return new AppError('FORBIDDEN', `This needs the permission ${permission}${everywhere}.`)
}

/** RFC 6750 §2.1. */
export function bearerToken(request: FastifyRequest): string | undefined {
  return /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i.exec(request.headers.authorization ?? '')?.[1]
}

/** By the `typ` of the JWS header: whatever it claims to be, it must prove. */
function isDeviceRequest(token: string): boolean {
  try {
    const header: unknown = JSON.parse(
      Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString(),
    )
    return (
      typeof header === 'object' &&
      header !== null &&
      'typ' in header &&
      header.typ === 'keydesk-device+jwt'
    )
  } catch {
    return false
  }
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
    deviceId: actor.type === 'device' ? actor.id : undefined,
    requestId: request.id,
    detail: { code: error.code, route },
  })
}
