/**
 * Names of attributes as clients write them: any case, with or without the URN of their schema
 * (RFC 7644 §3.10), and as PATCH targets with a filter on their values (§3.5.2).
 */

import type { Filter } from 'scim2-parse-filter'
import { parseScimFilter } from './parse-scim-filter.ts'
import { ENTERPRISE_SCHEMA, GROUP_SCHEMA, USER_SCHEMA } from './schema-names.ts'
import { ScimError } from './scim-error.ts'

export interface AttributePath {
  /** `other`: of an extension that this server does not have. */
  readonly schema: 'core' | 'enterprise' | 'other'
  /** In lower case; empty for a whole extension. */
  readonly attribute: string
  /** Which of several values: `emails[type eq "work"]`. */
  readonly filter: Filter | undefined
  /** In lower case. */
  readonly subAttribute: string | undefined
}

const PATH = /^(?<head>[^[\]]*)(?:\[(?<filter>.*)\])?(?:\.(?<sub>[^[\].]+))?$/s
const NAME = /^[A-Za-z$][\w$-]{0,63}$/
const PATH_LENGTH_MAX = 512

/** Throws ScimError invalidPath, or invalidFilter for the filter in it. */
export function parseAttributePath(text: string): AttributePath {
  const { head, filter, sub } = PATH.exec(text.slice(0, PATH_LENGTH_MAX + 1))?.groups ?? {}
  if (head === undefined || text.length > PATH_LENGTH_MAX) throw invalidPath()
  const { schema, name } = splitSchema(filter === undefined ? text : head)
  if (schema === 'other' || (schema === 'enterprise' && name === '')) {
    return { schema, attribute: '', filter: undefined, subAttribute: undefined }
  }
  const [attribute = '', ownSub, ...more] = name.split('.')
  const subAttribute = filter === undefined ? ownSub : sub
  const names = [attribute, ...(subAttribute === undefined ? [] : [subAttribute])]
  const isPlain = names.every((one) => NAME.test(one)) && more.length === 0
  if (!isPlain || (filter !== undefined && ownSub !== undefined)) throw invalidPath()
  return {
    schema,
    attribute: attribute.toLowerCase(),
    filter: filter === undefined ? undefined : parseScimFilter(filter),
    subAttribute: subAttribute?.toLowerCase(),
  }
}

/** Separates the URN from the name; `urn:…:User:department` has no other mark than the colon. */
function splitSchema(text: string): { schema: AttributePath['schema']; name: string } {
  const lower = text.toLowerCase()
  for (const [urn, schema] of SCHEMAS) {
    if (lower === urn) return { schema, name: '' }
    if (lower.startsWith(`${urn}:`)) return { schema, name: text.slice(urn.length + 1) }
  }
  return { schema: text.includes(':') ? 'other' : 'core', name: text }
}

const SCHEMAS = [
  [USER_SCHEMA.toLowerCase(), 'core'],
  [GROUP_SCHEMA.toLowerCase(), 'core'],
  [ENTERPRISE_SCHEMA.toLowerCase(), 'enterprise'],
] as const

function invalidPath(): ScimError {
  return new ScimError('invalidPath', 'The path is not the name of an attribute.')
}
