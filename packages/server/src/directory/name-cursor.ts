/** The cursor of lists that are sorted by name. */

import { AppError } from '../errors.ts'
import { decodeCursor } from '../http/page-cursor.ts'

/** Throws AppError INVALID_REQUEST. */
export function decodeNameCursor(
  after: string | undefined,
): { name: string; id: string } | undefined {
  if (after === undefined) return undefined
  const [name, id] = decodeCursor(after, ['string', 'string'])
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) || name.includes('\0')) {
    throw new AppError('INVALID_REQUEST', 'after is not the nextAfter of this list.')
  }
  return { name, id }
}
