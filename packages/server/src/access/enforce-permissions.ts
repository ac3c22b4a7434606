/**
 * Lets a request through only if the committed table (`PERMISSIONS` of the contract) allows its
 * route to whoever sent it (promise P8). Acts before the body is validated, so that strangers learn
 * nothing about the schemas. Refusals are audited.
 *
 * What somebody may not know of does not exist for him: a device out of his scope is 404. It is 403
 * only where he may see the device and not do this with it.
 */

import { routePermission, type RoutePermission, isGuid } from '@keydesk/contract'
import type { FastifyRequest } from 'fastify'
import type { Deps } from '../deps.ts'
import type { AuthenticateDevice } from '../devices/authenticate-device.ts'
import type { RememberRequest } from '../devices/remember-request.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-type.ts'
import { authenticateSession } from '../sessions/authenticate-session.ts'
import { refuseForgedRequest } from '../sessions/refuse-forged-request.ts'
import { auditActor, type Actor, type AppActor, type PrincipalActor } from './actor.ts'
import { coversDevice, reachesAny, reachesEverywhere, type DevicePlace } from './grants.ts'
import { loadPrincipal, type Credential } from './load-principal.ts'
import type { RecordDenial } from './record-denial.ts'
import { ACR_MFA } from './step-up-acr.ts'
import { stepUpRequired } from './step-up-required.ts'

export interface Access {
  readonly authenticateDevice: AuthenticateDevice
  readonly rememberRequest: RememberRequest
  readonly recordDenial: RecordDenial
  /** Throws AppError UNAUTHENTICATED. */
  readonly authenticateToken: (token: string) => Promise<Credential>
  /** A SCIM client, by its provisioning token. Throws AppError UNAUTHENTICATED. */
  readonly authenticateProvisioning: (token: string) => Promise<AppActor>
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
    const identified = await identify(request, row)
    const { actor } = identified
    request.actor = actor
    judge(request, row, identified)
    if (actor.type === 'device' && request.routeOptions.config.remembersRequest !== true) {
      await access.rememberRequest(actor.request)
    }
  }

  async function identify(request: FastifyRequest, row: RoutePermission): Promise<Identified> {
    if (row.audience === 'provisioning') {
      const actor = await access.authenticateProvisioning(bearerToken(request) ?? '')
      return { actor, ...NO_ROLES }
    }
    if (request.headers.authorization === undefined) return await identifyBySession(request)
    const token = bearerToken(request)
    if (token === undefined) throw withoutCredentials()
    const isForDevices = row.audience === 'device' && token.includes('.')
    if (isForDevices || isDeviceRequest(token)) {
      return { actor: await access.authenticateDevice(request, token), ...NO_ROLES }
    }
    return await principal(await access.authenticateToken(token), namedDevice(request))
  }

  async function identifyBySession(request: FastifyRequest): Promise<Identified> {
    const credential = await authenticateSession(deps, request)
    if (credential?.sessionId === undefined) throw withoutCredentials()
    refuseForgedRequest(deps, request, credential.sessionId)
    return await principal(credential, namedDevice(request))
  }

  async function principal(credential: Credential, deviceId?: string): Promise<Identified> {
    const loaded = await loadPrincipal(deps, credential, deviceId)
    if (loaded === undefined) {
      throw new AppError('UNAUTHENTICATED', 'This sign-in is no longer valid. Sign in again.')
    }
    return loaded
  }
}

/** Who asks, and the device that the path names, if it exists. */
interface Identified {
  readonly actor: Actor
  readonly device: DevicePlace | undefined
  readonly lacksSecondFactor: boolean
}

/** Of a device or a SCIM client. */
const NO_ROLES = { device: undefined, lacksSecondFactor: false } as const

/**
 * The device that the path of a request names. Undefined also for what is no GUID: its form is
 * judged later, by the schema of the route; the database would refuse it.
 */
function namedDevice(request: FastifyRequest): string | undefined {
  const { deviceId } = request.params as { readonly deviceId?: string }
  return deviceId !== undefined && isGuid(deviceId) ? deviceId : undefined
}

function withoutCredentials(): AppError {
  return new AppError('UNAUTHENTICATED', 'Sign in, or send credentials as Authorization: Bearer.')
}

/** Throws AppError FORBIDDEN, NOT_FOUND or STEP_UP_REQUIRED. */
function judge(
  request: FastifyRequest,
  row: RoutePermission,
  { device, lacksSecondFactor }: Identified,
): void {
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
      if (lacksSecondFactor) throw secondFactorRequired()
      if (!isPrincipal || !reachesEverywhere(actor.grants.reach(row.permission))) {
        throw forbidden(row)
      }
      return
    case 'devices':
      if (lacksSecondFactor) throw secondFactorRequired()
      if (!isPrincipal) throw forbidden(row)
      judgeDevices(actor, row, 'deviceId' in (request.params as object) ? { device } : undefined)
      return
    case 'provisioning':
      // Only its own tokens are looked at (`identify`), and they open nothing else.
      if (actor.type !== 'app') throw forbidden(row)
      return
    case 'everyone':
      throw forbidden(row)
  }
}

/** `named`: the device of the path, where the route has one. */
function judgeDevices(
  actor: PrincipalActor,
  row: RoutePermission,
  named: { readonly device: DevicePlace | undefined } | undefined,
): void {
  const names = [row.permission, ...(row.orPermission === undefined ? [] : [row.orPermission])]
  const reaches = names.map((name) => actor.grants.reach(name)).filter(reachesAny)
  if (reaches.length === 0) throw forbidden(row)
  if (named === undefined) return
  const { device } = named
  if (device === undefined) throw unknownDevice()
  if (reaches.some((reach) => coversDevice(reach, device))) return
  const mayKnow = actor.grants.reach('microsoft.directory/devices/standard/read')
  throw coversDevice(mayKnow, device) ? forbidden(row) : unknownDevice()
}

function secondFactorRequired(): AppError {
  const detail = 'You hold a role, which needs a second factor. Sign in again with one.'
  return stepUpRequired({ detail, acrValues: [ACR_MFA] })
}

function unknownDevice(): AppError {
  return new AppError('NOT_FOUND', 'There is no device with this ID.')
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
    address: request.ip,
    detail: { code: error.code, route },
  })
}
