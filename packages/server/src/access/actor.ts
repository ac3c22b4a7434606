/** Who sent a request, once that is known. */

import type { Role } from '@keydesk/contract'
import type { FastifyRequest } from 'fastify'
import type { AuditActor } from '../audit/append-audit.ts'

/** A signed request of a device that has to be remembered so that it cannot be replayed. */
export interface DeviceRequest {
  readonly id: string
  readonly expiresAt: Date
}

export interface DeviceActor {
  readonly role: Extract<Role, 'device'>
  readonly id: string
  readonly name: string
  /** SHA-256 of the last report that was taken in. */
  readonly reportDigest: Uint8Array | undefined
  readonly request: DeviceRequest
}

export interface AdministratorActor {
  readonly role: Extract<Role, 'bootstrapAdministrator'>
  readonly id: string
  readonly name: string
}

export type Actor = DeviceActor | AdministratorActor | { readonly role: Extract<Role, 'public'> }

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
  if (request.actor.role !== 'device') throw new TypeError('the route is not for devices only')
  return request.actor
}

/** The administrator of a request that only administrators may send. */
export function administratorOf(request: FastifyRequest): AdministratorActor {
  if (request.actor.role !== 'bootstrapAdministrator') {
    throw new TypeError('the route is not for administrators only')
  }
  return request.actor
}

export function auditActor(actor: Actor): AuditActor {
  if (actor.role === 'public') return { type: 'anonymous' }
  const { id, name } = actor
  return { type: actor.role === 'device' ? 'device' : 'administrator', id, name }
}
