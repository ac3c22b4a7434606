/**
 * Links that work once (`/welcome/…`): first administrator, invitation, password reset. The secret
 * is in the link and nowhere else; its hash covers what the link is for, for whom and until when,
 * so nobody who writes the database can turn his own link into another one.
 */

import { randomBytes, randomUUID } from 'node:crypto'
import type { Kysely, Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { Secret } from '../http/secret.ts'
import { isSameHash, keyedHash } from './keyed-hash.ts'
import { insertLink, markLinkUsed, revokeOpenLinks, selectOpenLink } from './link-queries.ts'

export type LinkPurpose = 'setup' | 'invitation' | 'passwordReset'

export interface NewLink {
  readonly purpose: LinkPurpose
  /** Undefined for `setup`. */
  readonly userId?: string | undefined
  /** Works also for a user who holds roles when it is used; see `accept-link.ts`. */
  readonly isOverRoles: boolean
  /** Principal; undefined: whoever has the server's data. */
  readonly createdBy?: string | undefined
  readonly expiresInSeconds: number
}

export interface OneTimeLink {
  readonly id: string
  readonly purpose: LinkPurpose
  readonly userId: string | undefined
  readonly isOverRoles: boolean
  readonly expiresAt: Date
}

type LinkDeps = Pick<Deps, 'config' | 'keyring' | 'clock'>

const PREFIX = 'keydesk_link_'
const ID_BYTES = 16
const SECRET_BYTES = 32
const TOKEN = /^keydesk_link_[A-Za-z0-9_-]{64}$/

/** The whole address, shown once. Earlier links of the same user (or for setting up) end. */
export async function createOneTimeLink(
  trx: Transaction<Database>,
  deps: LinkDeps,
  link: NewLink,
): Promise<{ id: string; url: Secret<string>; expiresAt: Date }> {
  const now = deps.clock.now()
  const id = randomUUID()
  const secret = randomBytes(SECRET_BYTES)
  const expiresAt = new Date(now.getTime() + link.expiresInSeconds * 1000)
  await revokeOpenLinks(trx, link.userId, now)
  await insertLink(trx, {
    id,
    purpose: link.purpose,
    user_id: link.userId ?? null,
    over_roles: link.isOverRoles,
    secret_hash: hashOf(deps, { ...link, userId: link.userId, id, expiresAt }, secret),
    created_by: link.createdBy ?? null,
    created_at: now,
    expires_at: expiresAt,
  })
  const idBytes = Buffer.from(id.replaceAll('-', ''), 'hex')
  const token = PREFIX + Buffer.concat([idBytes, secret]).toString('base64url')
  return { id, url: new Secret(`${deps.config.origin}/welcome/${token}`), expiresAt }
}

/** Throws AppError NOT_FOUND: unknown, used, revoked or expired; which one is not said. */
export async function findOneTimeLink(
  db: Kysely<Database>,
  deps: LinkDeps,
  token: string,
): Promise<OneTimeLink> {
  const parts = parse(token)
  const row = parts && (await selectOpenLink(db, parts.id, deps.clock.now()))
  if (row === undefined) throw noSuchLink()
  const link = {
    id: row.id,
    purpose: row.purpose as LinkPurpose,
    userId: row.user_id ?? undefined,
    isOverRoles: row.over_roles,
    expiresAt: row.expires_at,
  }
  if (!isSameHash(row.secret_hash, hashOf(deps, link, parts?.secret ?? Buffer.alloc(0)))) {
    throw noSuchLink()
  }
  return link
}

/** As `findOneTimeLink`, and it is used up with this transaction. Of two at once one wins. */
export async function useOneTimeLink(
  trx: Transaction<Database>,
  deps: LinkDeps,
  token: string,
): Promise<OneTimeLink> {
  const link = await findOneTimeLink(trx, deps, token)
  if (!(await markLinkUsed(trx, link.id, deps.clock.now()))) throw noSuchLink()
  return link
}

function hashOf(deps: LinkDeps, link: OneTimeLink, secret: Buffer): Buffer {
  const { id, purpose, userId, isOverRoles, expiresAt } = link
  const parts = [
    id,
    purpose,
    userId ?? '',
    String(isOverRoles),
    expiresAt.toISOString(),
    secret.toString('base64url'),
  ]
  return keyedHash(deps.keyring, 'keydesk one-time link v1', parts)
}

function parse(token: string): { id: string; secret: Buffer } | undefined {
  if (!TOKEN.test(token)) return undefined
  const bytes = Buffer.from(token.slice(PREFIX.length), 'base64url')
  const hex = bytes.subarray(0, ID_BYTES).toString('hex')
  const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  return { id, secret: bytes.subarray(ID_BYTES) }
}

function noSuchLink(): AppError {
  return new AppError(
    'NOT_FOUND',
    'This link was used already, has expired, or was replaced by a newer one. Ask for a new one.',
  )
}
