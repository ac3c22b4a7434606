/**
 * The `after` of a list: the sort key of the last row, opaque to clients. Rows that come or go
 * between two pages never make another row appear twice or be left out.
 */

import { LIMITS, isGuid } from '@keydesk/contract'
import { AppError } from '../errors.ts'

/** What a list is sorted by, for one row. */
export type CursorKey = readonly (string | number)[]

function encodeCursor(key: CursorKey): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url')
}

/** What PostgreSQL holds in no text: NUL and half a character. */
const UNSTORABLE = /[\0\p{Cs}]/u
/** As `Date.toISOString` writes the years that a row can be of. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/

/**
 * Throws AppError INVALID_REQUEST unless it is a cursor with parts of these types, and without
 * characters that no list can have put into it.
 */
export function decodeCursor<const T extends readonly ('string' | 'number')[]>(
  text: string,
  types: T,
): { -readonly [K in keyof T]: T[K] extends 'number' ? number : string } {
  let key: unknown
  try {
    key = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    throw invalidCursor()
  }
  const isKey =
    Array.isArray(key) &&
    key.length === types.length &&
    key.every((part, index) => typeof part === types[index] && !UNSTORABLE.test(String(part)))
  if (!isKey) throw invalidCursor()
  return key as never
}

/** A cursor of a time and a GUID: how most lists are sorted. */
export function decodeTimeCursor(text: string | undefined): { at: Date; id: string } | undefined {
  if (text === undefined) return undefined
  const [at, id] = decodeCursor(text, ['string', 'string'])
  if (!TIME.test(at) || Number.isNaN(Date.parse(at)) || !isGuid(id)) throw invalidCursor()
  return { at: new Date(at), id }
}

/** A cursor of a name and a GUID: of lists that are sorted by name. */
export function decodeNameCursor(
  text: string | undefined,
): { name: string; id: string } | undefined {
  if (text === undefined) return undefined
  const [name, id] = decodeCursor(text, ['string', 'string'])
  if (!isGuid(id)) throw invalidCursor()
  return { name, id }
}

/** Rows of a page: what the client asked for, within the bounds. */
export function pageLimit(limit: string | undefined): number {
  if (limit === undefined) return LIMITS.pageSizeDefault
  return Math.min(Math.max(Number(limit), 1), LIMITS.pageSizeMax)
}

/**
 * A page of `limit` rows out of `limit + 1` that were asked for: one more row means that there is
 * another page.
 */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  map: { readonly item: (row: Row) => Item; readonly key: (row: Row) => CursorKey },
): { items: Item[]; nextAfter?: string } {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return {
    items: page.map(map.item),
    ...(rows.length > limit && last !== undefined
      ? { nextAfter: encodeCursor(map.key(last)) }
      : {}),
  }
}

function invalidCursor(): AppError {
  return new AppError('INVALID_REQUEST', 'after is not the nextAfter of this list.')
}
