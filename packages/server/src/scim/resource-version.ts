/** `meta.version` of a resource: a weak ETag (RFC 7644 §3.14), and the conditions that name one. */

import { createHash } from 'node:crypto'
import { AppError } from '../errors.ts'

/** `facts`: whatever changes when the resource changes. */
export function resourceVersion(facts: readonly unknown[]): string {
  const hash = createHash('sha256').update(JSON.stringify(facts)).digest('base64url')
  return `W/"${hash.slice(0, 22)}"`
}

/** Throws AppError PRECONDITION_FAILED if the client saw another version. */
export function requireVersion(ifMatch: string | undefined, version: string): void {
  if (ifMatch === undefined || namesVersion(ifMatch, version)) return
  throw new AppError('PRECONDITION_FAILED', 'Read the resource again and repeat the change.')
}

/** Of `If-Match` and `If-None-Match`: a list of ETags, or `*` for any. */
export function namesVersion(header: string, version: string): boolean {
  return header.split(',').some((one) => one.trim() === '*' || one.trim() === version)
}
