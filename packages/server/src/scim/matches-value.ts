/** Whether one value of a multi-valued attribute is meant by the filter of a PATCH path. */

import type { Filter } from 'scim2-parse-filter'
import { ScimError } from './scim-error.ts'

/** A value by its sub-attributes, in lower case. */
export type ScimValue = Readonly<Record<string, string | boolean | undefined>>

/** Case is free. Throws ScimError invalidFilter for what PATCH paths cannot have here. */
export function matchesValue(filter: Filter, value: ScimValue): boolean {
  switch (filter.op) {
    case 'and':
      return filter.filters.every((one) => matchesValue(one, value))
    case 'or':
      return filter.filters.some((one) => matchesValue(one, value))
    case 'not':
      return !matchesValue(filter.filter, value)
    case 'eq':
      return isSame(value[filter.attrPath.toLowerCase()], filter.compValue)
    case 'ne':
      return !isSame(value[filter.attrPath.toLowerCase()], filter.compValue)
    case 'pr':
      return value[filter.attrPath.toLowerCase()] !== undefined
    case '[]':
    case 'co':
    case 'sw':
    case 'ew':
    case 'gt':
    case 'ge':
    case 'lt':
    case 'le':
    default:
      throw new ScimError('invalidFilter', 'A path may only compare with eq, ne and pr.')
  }
}

function isSame(have: string | boolean | undefined, wanted: unknown): boolean {
  return have !== undefined && String(have).toLowerCase() === String(wanted).toLowerCase()
}
