/** Who sent a request, once that is known, and what it may do. */

import type { FastifyRequest } from 'fastify'
import type { AuditActor } from '../audit/append-audit.ts'
import type { Grants } from './grants.ts'

/** A signed request of a device that has to be remembered so that it cannot be replayed. */
export interface DeviceRequest {
  readonly id: string
  readonly expiresAt: Date
}

export interface DeviceActor {
  readonly type: 'device'
  readonly id: string
  readonly name: string
  /** SHA-256 of the last report that was taken in. */
  readonly reportDigest: Uint8Array | undefined
  readonly request: DeviceRequest
}

/** A person who signed in, by the session of a browser or by an access token. */
export interface UserActor {
  readonly type: 'user'
  readonly id: string
  /** User principal name. */
  readonly name: string
  readonly displayName: string
  /** When the person last proved who he is; undefined where the issuer does not say. */
  readonly authenticatedAt: Date | undefined
  /** How: RFC 8176 `amr` values, such as `pwd`, `otp`, `hwk`. */
  readonly methods: readonly string[]
  /** How strongly: the issuer's `acr`; undefined where it does not say. */
  readonly acr: string | undefined
  /** The browser session; undefined for an access token. */
  readonly sessionId: string | undefined
  readonly grants: Grants
}

/** A program: an app registration, by its access token. */
export interface AppActor {
  readonly type: 'app'
  readonly id: string
  readonly name: string
  readonly grants: Grants
}

/** Who can hold a role. */
export type PrincipalActor = UserActor | AppActor

/** Who asked for a change, and with which request: what its audit entry needs. */
export interface ByPrincipal {
  readonly principal: PrincipalActor
  readonly requestId: string
}

export type Actor = DeviceActor | PrincipalActor | { readonly type: 'public' }

declare module 'fastify' {
  interface FastifyRequest {
    actor: Actor
  }
  interface FastifyContextConfig {
    /** The rule records the signed request itself, in its own transaction. */
    readonly remembersRequest?: boolean
  }
}

/** The device of a request that only devices may send. */
export function deviceOf(request: FastifyRequest): DeviceActor {
  if (request.actor.type !== 'device') throw new TypeError('the route is not for devices only')
  return request.actor
}

/** The person or program of a request of one of the audiences that need one. */
export function principalOf(request: FastifyRequest): PrincipalActor {
  const { actor } = request
  if (actor.type !== 'user' && actor.type !== 'app') {
    throw new TypeError('the route is not for people and programs only')
  }
  return actor
}

/** The person of a request of the audience `user`. */
export function userOf(request: FastifyRequest): UserActor {
  if (request.actor.type !== 'user') throw new TypeError('the route is not for people only')
  return request.actor
}

export function auditActor(actor: Actor): AuditActor {
  if (actor.type === 'public') return { type: 'anonymous' }
  return { type: actor.type, id: actor.id, name: actor.name }
}
