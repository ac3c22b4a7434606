/**
 * Reads a filter of RFC 7644 §3.4.2.2 into a tree. The text comes from outside: it is bounded, and
 * what the parser makes of it is only ever compared with names that are known here.
 */

import { LIMITS } from '@keydesk/contract'
import { parse, type Filter } from 'scim2-parse-filter'
import { ScimError } from './scim-error.ts'

/** Throws ScimError invalidFilter. */
export function parseScimFilter(text: string): Filter {
  if (text.length > LIMITS.scimFilterLengthMax) {
    throw new ScimError(
      'invalidFilter',
      `The filter is longer than ${LIMITS.scimFilterLengthMax} characters.`,
    )
  }
  // PostgreSQL has no text with NUL, and no attribute here has any other control character.
  if (/\p{Cc}|\p{Cs}/u.test(text)) throw malformed()
  try {
    return parse(text)
  } catch {
    throw malformed()
  }
}

function malformed(): ScimError {
  return new ScimError('invalidFilter', 'The filter does not have the form of RFC 7644 §3.4.2.2.')
}
