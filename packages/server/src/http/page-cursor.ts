/**
 * The `after` of a list: the sort key of the last row, opaque to clients. Rows that come or go
 * between two pages never make another row appear twice or be left out.
 */

import { LIMITS } from '@keydesk/contract'
import { AppError } from '../errors.ts'

/** What a list is sorted by, for one row. */
export type CursorKey = readonly (string | number)[]

function encodeCursor(key: CursorKey): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url')
}

/** Throws AppError INVALID_REQUEST unless it is a cursor with parts of these types. */
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
    key.every((part, index) => typeof part === types[index])
  if (!isKey) throw invalidCursor()
  return key as never
}

/** A cursor of a time and a GUID: how most lists are sorted. */
export function decodeTimeCursor(text: string | undefined): { at: Date; id: string } | undefined {
  if (text === undefined) return undefined
  const [at, id] = decodeCursor(text, ['string', 'string'])
  if (Number.isNaN(Date.parse(at)) || !/^[0-9a-f-]{36}$/.test(id)) throw invalidCursor()
  return { at: new Date(at), id }
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
