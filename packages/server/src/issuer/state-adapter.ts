/**
 * Where oidc-provider keeps its state: one table of PostgreSQL, so that any server can go on with
 * what another began.
 *
 * Invariants: the table holds no ID, code or token, only HMACs of them; a payload opens only in the
 * row that it was sealed for; of two uses of one code that come at the same moment one is refused;
 * a session that was ended while a request was under way is not stored again by that request.
 */

import { createHmac } from 'node:crypto'
import { errors, type Adapter, type AdapterPayload } from 'oidc-provider'
import type { Deps } from '../deps.ts'
import { derivedKey, openValue, sealValue } from '../vault/derived-key.ts'
import {
  consumeState,
  deleteState,
  deleteStateOfGrant,
  markPolled,
  replaceState,
  selectState,
  upsertState,
  type StateKey,
  type StateRow,
} from './state-queries.ts'

const HASH_LABEL = 'keydesk issuer-state-id v1'
const SEAL_LABEL = 'keydesk issuer-state v1'

/** RFC 8628 §3.5: where the answer does not name an interval, a program waits five seconds. */
const POLL_INTERVAL_MS = 5000
/** A program that waits five seconds by its own clock is not too fast by ours. */
const POLL_TOLERANCE_MS = 500
/** What may live without an end of its own, such as a replayed assertion's name, is kept a day. */
const LIFETIME_SECONDS_DEFAULT = 86_400

type StateDeps = Pick<Deps, 'db' | 'keyring' | 'clock'>

export interface FoundSession {
  /** Under which it is stored from now on. */
  readonly jti: string
  /** Under which it was found, if that is another: it gets a new one with every sign-in. */
  readonly oldId?: string | undefined
}

/** What the library is doing while it asks for its state. */
export interface StateUse {
  /** Whether a program asks if its device code was approved. */
  readonly isPolling: () => boolean
  /** The session of this request; undefined where it is a new one. */
  readonly foundSession: () => FoundSession | undefined
}

/** One for each model of the library. */
export function createStateAdapter(
  deps: StateDeps,
  model: string,
  { isPolling, foundSession }: StateUse,
): Adapter {
  const hash = (kind: string, value: string): Buffer => hashOf(deps, [model, kind, value])

  const idsOf = ({ jti, oldId }: FoundSession): Buffer[] =>
    [jti, ...(oldId === undefined ? [] : [oldId])].map((id) => hash('id_hash', id))

  async function find(key: StateKey, value: string): Promise<AdapterPayload | undefined> {
    const row = await selectState(deps.db, model, key, hash(key, value))
    if (row === undefined) return undefined
    if (model === 'Session' && row.expires_at <= deps.clock.now()) return undefined
    if (model === 'DeviceCode' && key === 'id_hash' && isPolling()) await pace(row)
    return open(row)
  }

  /** Throws the protocol's `slow_down`. */
  async function pace(row: StateRow): Promise<void> {
    const now = deps.clock.now()
    const before = row.polled_at
    await markPolled(deps.db, model, row.id_hash, now)
    if (before === null) return
    const waitedMs = now.getTime() - before.getTime()
    if (waitedMs < POLL_INTERVAL_MS - POLL_TOLERANCE_MS) throw new errors.SlowDown()
  }

  function open(row: StateRow): AdapterPayload | undefined {
    const about = [model, row.id_hash.toString('hex')]
    const opened = openValue(deps.keyring, SEAL_LABEL, about, row.payload)
    if (opened === undefined) return undefined
    // What this server sealed itself.
    const payload = JSON.parse(opened.toString()) as AdapterPayload
    if (row.consumed_at !== null) payload.consumed = Math.floor(row.consumed_at.getTime() / 1000)
    return payload
  }

  return {
    find: async (id) => await find('id_hash', id),
    findByUid: async (uid) => await find('uid_hash', uid),
    findByUserCode: async (userCode) => await find('user_code_hash', userCode),
    upsert: async (id, payload, expiresIn) => {
      const row = stateRow(deps, model, { id, payload, expiresIn })
      const found = model === 'Session' ? foundSession() : undefined
      if (found === undefined) await upsertState(deps.db, row)
      else await replaceState(deps.db, idsOf(found), row)
    },
    consume: async (id) => {
      const isFirst = await consumeState(deps.db, model, hash('id_hash', id), deps.clock.now())
      if (!isFirst) throw new errors.InvalidGrant('it was used already')
    },
    destroy: async (id) => {
      // The library deletes the old row before it stores the session again; here it is one step.
      if (model === 'Session' && foundSession()?.oldId === id) return
      await deleteState(deps.db, model, hash('id_hash', id))
    },
    revokeByGrantId: async (grantId) => {
      await deleteStateOfGrant(deps.db, model, grantHash(deps, grantId))
    },
  }
}

interface NewState {
  readonly id: string
  readonly payload: AdapterPayload
  readonly expiresIn: number | undefined
}

/** What is stored: hashes to find it by, and the rest sealed to this row. */
function stateRow(deps: StateDeps, model: string, { id, payload, expiresIn }: NewState) {
  const hash = (kind: string, value: string): Buffer => hashOf(deps, [model, kind, value])
  const { grantId, uid, userCode } = payload
  const idHash = hash('id_hash', id)
  const now = deps.clock.now()
  const seconds = expiresIn ?? LIFETIME_SECONDS_DEFAULT
  const bytes = Buffer.from(JSON.stringify(payload))
  return {
    model,
    id_hash: idHash,
    payload: sealValue(deps.keyring, SEAL_LABEL, [model, idHash.toString('hex')], bytes),
    grant_hash: grantId === undefined ? null : grantHash(deps, grantId),
    uid_hash: model === 'Session' && uid !== undefined ? hash('uid_hash', uid) : null,
    user_code_hash: userCode === undefined ? null : hash('user_code_hash', userCode),
    account_id: accountOf(payload),
    created_at: now,
    expires_at: new Date(now.getTime() + seconds * 1000),
  }
}

/** Whose it is; of a finished visit to the sign-in pages who proved himself there. */
function accountOf({ accountId, result }: AdapterPayload): string | null {
  return accountId ?? result?.login?.accountId ?? null
}

function grantHash(deps: StateDeps, grantId: string): Buffer {
  return hashOf(deps, ['grant', grantId])
}

function hashOf({ keyring }: StateDeps, names: readonly string[]): Buffer {
  return createHmac('sha256', derivedKey(keyring, HASH_LABEL))
    .update(JSON.stringify(names))
    .digest()
}
