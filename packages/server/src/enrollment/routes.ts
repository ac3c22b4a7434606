/** HTTP of enrolment: tokens for administrators, one route for devices. */

import {
  CreateEnrollmentToken,
  CreatedEnrollmentToken,
  EnrollRequest,
  EnrollResponse,
  EnrollmentToken,
  EnrollmentTokenPage,
  EnrollmentTokenParams,
  EnrollmentTokenQuery,
  type Ed25519PublicJwk,
  type P256PublicJwk,
} from '@keydesk/contract'
import { principalOf } from '../access/actor.ts'
import type { RecordDenial } from '../access/record-denial.ts'
import type { Deps } from '../deps.ts'
import type { RememberRequest } from '../devices/remember-request.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-type.ts'
import { authenticateNewDevice } from './authenticate-new-device.ts'
import type { AuthenticateAccessToken } from './authenticate-new-owner.ts'
import { enrollDevice, type EnrollmentProof } from './enroll-device.ts'
import {
  createEnrollmentToken,
  listEnrollmentTokens,
  revokeEnrollmentToken,
} from './enrollment-tokens.ts'

export interface EnrollmentRouteOptions {
  readonly authenticateAccessToken: AuthenticateAccessToken
  readonly rememberRequest: RememberRequest
  readonly recordDenial: RecordDenial
}

export function enrollmentRoutes(app: App, deps: Deps, options: EnrollmentRouteOptions): void {
  app.post(
    '/device/v1/enroll',
    { schema: { body: EnrollRequest, response: { 201: EnrollResponse } } },
    async (request, reply) => {
      try {
        const device = await authenticateNewDevice(deps, request)
        await options.rememberRequest(device.request)
        const { authenticateAccessToken } = options
        const deviceId = await enrollDevice(
          { ...deps, authenticateAccessToken },
          {
            keyThumbprint: device.keyThumbprint,
            publicKey: device.publicKey,
            proof: proofOf(request.body),
            facts: request.body.device,
            requestId: request.id,
          },
        )
        return await reply.code(201).send(enrolled(deps, deviceId))
      } catch (error) {
        if (error instanceof AppError && error.status < 500) {
          const detail = { code: error.code, route: 'POST /device/v1/enroll' }
          await options.recordDenial({
            actor: { type: 'anonymous' },
            requestId: request.id,
            detail,
          })
        }
        throw error
      }
    },
  )

  app.post(
    '/api/v1/enrollment-tokens',
    { schema: { body: CreateEnrollmentToken, response: { 201: CreatedEnrollmentToken } } },
    async (request, reply) => {
      const by = { principal: principalOf(request), requestId: request.id }
      return await reply.code(201).send(await createEnrollmentToken(deps, by, request.body))
    },
  )

  app.get(
    '/api/v1/enrollment-tokens',
    { schema: { querystring: EnrollmentTokenQuery, response: { 200: EnrollmentTokenPage } } },
    async (request) => await listEnrollmentTokens(deps, request.query),
  )

  app.delete(
    '/api/v1/enrollment-tokens/:id',
    { schema: { params: EnrollmentTokenParams, response: { 200: EnrollmentToken } } },
    async (request) => {
      const by = { principal: principalOf(request), requestId: request.id }
      return await revokeEnrollmentToken(deps, by, request.params.id)
    },
  )
}

/** Throws AppError INVALID_REQUEST. */
function proofOf({ enrollmentToken, ownerAccessToken }: EnrollRequest): EnrollmentProof {
  if (enrollmentToken !== undefined && ownerAccessToken === undefined) return { enrollmentToken }
  if (ownerAccessToken !== undefined && enrollmentToken === undefined) return { ownerAccessToken }
  throw new AppError('INVALID_REQUEST', 'Send either enrollmentToken or ownerAccessToken.')
}

function enrolled(deps: Deps, deviceId: string): EnrollResponse {
  const { vaultKey, receiptKey } = deps.keyring
  return {
    deviceId,
    origin: deps.config.origin,
    // A keyring has a P-256 vault key and an Ed25519 receipt key, by its own type's account.
    vaultKey: { id: vaultKey.id, publicKey: vaultKey.publicJwk as P256PublicJwk },
    receiptKey: { id: receiptKey.id, publicKey: receiptKey.publicJwk as Ed25519PublicJwk },
    checkInIntervalSeconds: deps.config.checkInIntervalSeconds,
  }
}
