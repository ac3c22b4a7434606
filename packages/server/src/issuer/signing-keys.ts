/**
 * The ES256 keys of the built-in issuer (docs/spec/access-tokens.md). Private halves lie in the
 * database sealed under a key derived from the vault key, so all servers on one database sign and
 * publish the same keys, and whoever only reads or writes there can make no token.
 *
 * A new key is published for some minutes before any server signs with it; an old one is published
 * until every token that it signed has expired.
 */

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto'
import { jwkThumbprint } from '@keydesk/contract/jwk-thumbprint'
import type { Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { openValue, sealValue } from '../vault/derived-key.ts'
import {
  deleteRetiredKeys,
  insertIssuerKey,
  lockIssuerKeys,
  retireOtherKeys,
  selectIssuerKeys,
} from './key-queries.ts'

const SEAL_LABEL = 'keydesk issuer-key v1'

export const ACCESS_TOKEN_SECONDS = 3600
const MINUTE_MS = 60_000
/** NIST SP 800-57 allows a private signature key one to three years; a change costs nothing. */
const ROTATION_MS = 90 * 24 * 60 * MINUTE_MS
/** Servers look for new keys once a minute. */
const RELOAD_MS = MINUTE_MS
/** From publishing a key until signing with it. */
const LEAD_MS = 5 * MINUTE_MS
/** Against tokens that name keys that do not exist. */
const SEARCH_PAUSE_MS = 1000
/** A token expires on this server's clock, and is judged by another's. */
const CLOCK_MARGIN_MS = 5 * MINUTE_MS

type KeyDeps = Pick<Deps, 'db' | 'keyring' | 'clock' | 'log'>

export interface SigningKey {
  /** RFC 7638 thumbprint; `kid` of the tokens. */
  readonly id: string
  readonly publicKey: KeyObject
  readonly privateJwk: JsonWebKey
}

export interface SigningKeys {
  /** Every published key; the first one signs. Makes one where there is none. */
  published(): Promise<readonly SigningKey[]>
  /** Undefined: no server of this deployment publishes this key. */
  find(id: string): Promise<SigningKey | undefined>
}

export function createSigningKeys(deps: KeyDeps): SigningKeys {
  let known: readonly SigningKey[] = []
  let loadedAt = Number.NEGATIVE_INFINITY
  let loading: Promise<void> | undefined

  async function load(): Promise<void> {
    known = await loadKeys(deps)
    loadedAt = deps.clock.now().getTime()
  }

  async function reload(olderThanMs: number): Promise<void> {
    if (Math.abs(deps.clock.now().getTime() - loadedAt) < olderThanMs) return
    loading ??= load().finally(() => (loading = undefined))
    await loading
  }

  return {
    published: async () => {
      await reload(RELOAD_MS)
      return known
    },
    find: async (id) => {
      await reload(RELOAD_MS)
      const isWanted = (key: SigningKey): boolean => key.id === id
      const found = known.find(isWanted)
      if (found !== undefined) return found
      await reload(SEARCH_PAUSE_MS)
      return known.find(isWanted)
    },
  }
}

async function loadKeys(deps: KeyDeps): Promise<readonly SigningKey[]> {
  const now = deps.clock.now()
  let rows = await selectIssuerKeys(deps.db, now)
  if (rows.length === 0) {
    await deps.db.transaction().execute(async (trx) => {
      await lockIssuerKeys(trx)
      const others = await selectIssuerKeys(trx, now)
      if (others.length === 0) await addKey(trx, deps, { now, signsFrom: now })
    })
    rows = await selectIssuerKeys(deps.db, now)
  }
  // The newest that signs already, then the rest.
  const signing = rows.find((row) => row.signs_from <= now) ?? rows[0]
  const ordered = rows.toSorted((a, b) => Number(b === signing) - Number(a === signing))
  return ordered.flatMap(({ id, private_key }) => {
    const opened = openValue(deps.keyring, SEAL_LABEL, [id], private_key)
    if (opened === undefined) {
      deps.log.error({ keyId: id }, 'an issuer key in the database is not ours; it is not used')
      return []
    }
    const privateJwk = JSON.parse(opened.toString()) as JsonWebKey
    const publicKey = createPublicKey(createPrivateKey({ key: privateJwk, format: 'jwk' }))
    return [{ id, publicKey, privateJwk }]
  })
}

async function addKey(
  trx: Transaction<Database>,
  deps: KeyDeps,
  { now, signsFrom }: { now: Date; signsFrom: Date },
): Promise<string> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const id = jwkThumbprint(privateKey)
  const jwk = Buffer.from(JSON.stringify(privateKey.export({ format: 'jwk' })))
  await insertIssuerKey(trx, {
    id,
    private_key: sealValue(deps.keyring, SEAL_LABEL, [id], jwk),
    created_at: now,
    signs_from: signsFrom,
    retires_at: null,
  })
  return id
}

/**
 * A new key that signs in five minutes; those before it are published until their last token has
 * expired. Returns the key's ID.
 */
export async function rotateSigningKey(
  trx: Transaction<Database>,
  deps: KeyDeps,
): Promise<{ keyId: string; signsFrom: Date }> {
  const now = deps.clock.now()
  await lockIssuerKeys(trx)
  const signsFrom = new Date(now.getTime() + LEAD_MS)
  const keyId = await addKey(trx, deps, { now, signsFrom })
  const lastUse = signsFrom.getTime() + RELOAD_MS
  const retiresAt = new Date(lastUse + ACCESS_TOKEN_SECONDS * 1000 + CLOCK_MARGIN_MS)
  await retireOtherKeys(trx, keyId, retiresAt)
  return { keyId, signsFrom }
}

/** For the background: rotates after ninety days, once for all servers, and forgets old keys. */
export async function keepSigningKeys(deps: KeyDeps): Promise<void> {
  const now = deps.clock.now()
  await deleteRetiredKeys(deps.db, now)
  await deps.db.transaction().execute(async (trx) => {
    await lockIssuerKeys(trx)
    const [newest] = await selectIssuerKeys(trx, now)
    if (newest === undefined || now.getTime() - newest.signs_from.getTime() < ROTATION_MS) return
    const { keyId } = await rotateSigningKey(trx, deps)
    deps.log.info({ keyId }, 'made a new key for the tokens of the built-in issuer')
  })
}
