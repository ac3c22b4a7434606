/** Pages of a SCIM list (RFC 7644 §3.4.2.4): by the number of the first resource, from 1. */

import { LIMITS } from '@keydesk/contract'
import type { AttributeChoice } from './project-attributes.ts'
import type { JsonObject } from './read-value.ts'
import { LIST_SCHEMA } from './schema-names.ts'

export interface ListQuery extends AttributeChoice {
  readonly filter?: string | undefined
  /** Whole numbers as text. */
  readonly startIndex?: string | undefined
  readonly count?: string | undefined
}

export interface ListPage {
  /** From 1. */
  readonly startIndex: number
  readonly count: number
}

/** A start before the first is the first, and a negative count is none. */
export function listPage({ startIndex, count }: ListQuery): ListPage {
  return {
    startIndex: Math.max(Number(startIndex ?? 1), 1),
    count: Math.min(
      Math.max(Number(count ?? LIMITS.scimPageSizeDefault), 0),
      LIMITS.scimPageSizeMax,
    ),
  }
}

export function listResponse(
  resources: readonly JsonObject[],
  totalResults: number,
  startIndex = 1,
): JsonObject {
  return {
    schemas: [LIST_SCHEMA],
    totalResults,
    startIndex,
    itemsPerPage: resources.length,
    Resources: resources,
  }
}
