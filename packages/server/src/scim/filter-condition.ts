/**
 * A SCIM filter as an SQL condition. Attributes are those of a table here, operators are spelled
 * out here, and values are parameters: nothing of the filter's text becomes SQL.
 */

import { isGuid } from '@keydesk/contract'
import { sql, type RawBuilder } from 'kysely'
import type { Compare, Filter } from 'scim2-parse-filter'
import { parseAttributePath } from './attribute-path.ts'
import { parseScimFilter } from './parse-scim-filter.ts'
import { ScimError } from './scim-error.ts'

type Condition = RawBuilder<boolean>

/** How an attribute is compared. Columns are references such as sql.ref('person.mail'). */
type FilterAttribute =
  | { readonly type: 'text'; readonly column: RawBuilder<unknown> }
  | { readonly type: 'exactText'; readonly column: RawBuilder<unknown> }
  | { readonly type: 'id'; readonly column: RawBuilder<unknown> }
  | { readonly type: 'boolean'; readonly column: RawBuilder<unknown> }
  | { readonly type: 'time'; readonly column: RawBuilder<unknown> }
  /** Something that only equality is asked of, such as being a member. */
  | { readonly type: 'relation'; readonly equals: (value: string) => Condition }

/** By name in lower case: `name.givenname`, and `enterprise:department` for an extension's. */
export type FilterAttributes = Readonly<Record<string, FilterAttribute | undefined>>

/** Throws ScimError invalidFilter. */
export function filterCondition(
  filter: string | undefined,
  attributes: FilterAttributes,
): Condition {
  if (filter === undefined || filter.trim() === '') return sql<boolean>`true`
  return conditionOf(parseScimFilter(filter), attributes, '')
}

function conditionOf(filter: Filter, attributes: FilterAttributes, prefix: string): Condition {
  switch (filter.op) {
    case 'and':
    case 'or': {
      const parts = filter.filters.map((one) => conditionOf(one, attributes, prefix))
      return sql<boolean>`(${sql.join(parts, filter.op === 'and' ? sql` and ` : sql` or `)})`
    }
    case 'not':
      // An attribute that is not there makes a comparison null, and its opposite true.
      return sql<boolean>`(${conditionOf(filter.filter, attributes, prefix)} is not true)`
    case '[]':
      if (prefix !== '') throw unsupported()
      return conditionOf(filter.valFilter, attributes, `${filter.attrPath}.`)
    case 'pr':
      return isPresent(attributeAt(prefix + filter.attrPath, attributes))
    case 'eq':
    case 'ne':
    case 'co':
    case 'sw':
    case 'ew':
    case 'gt':
    case 'lt':
    case 'ge':
    case 'le':
      return compare(attributeAt(prefix + filter.attrPath, attributes), filter)
    default:
      throw unsupported()
  }
}

function attributeAt(name: string, attributes: FilterAttributes): FilterAttribute {
  const { schema, attribute, subAttribute } = parsePath(name)
  const own = subAttribute === undefined ? attribute : `${attribute}.${subAttribute}`
  const key = schema === 'enterprise' ? `enterprise:${own}` : own
  const known = Object.hasOwn(attributes, key) ? attributes[key] : undefined
  if (known === undefined || schema === 'other') throw unsupported()
  return known
}

function parsePath(name: string) {
  try {
    return parseAttributePath(name)
  } catch {
    throw unsupported()
  }
}

function isPresent(attribute: FilterAttribute): Condition {
  if (attribute.type === 'relation') throw unsupported()
  return sql<boolean>`(${attribute.column} is not null)`
}

function compare(attribute: FilterAttribute, { op, compValue }: Compare): Condition {
  switch (attribute.type) {
    case 'boolean':
      return compareBoolean(attribute.column, op, compValue)
    case 'time':
      return compareTime(attribute.column, op, compValue)
    case 'relation':
      if (op !== 'eq' || typeof compValue !== 'string') throw unsupported()
      return attribute.equals(compValue)
    case 'id':
      if (op === 'eq' && typeof compValue === 'string') return isId(attribute.column, compValue)
      return compareText(sql`${attribute.column}::text`, op, compValue)
    case 'exactText':
      return compareText(attribute.column, op, compValue)
    case 'text':
    default:
      return compareText(sql`(lower(${attribute.column}) collate "C")`, op, compValue, sql`lower`)
  }
}

function isId(column: RawBuilder<unknown>, value: string): Condition {
  const id = value.toLowerCase()
  return isGuid(id) ? sql<boolean>`(${column} = ${id}::uuid)` : sql<boolean>`false`
}

function compareText(
  column: RawBuilder<unknown>,
  op: Compare['op'],
  value: unknown,
  fold = sql``,
): Condition {
  if (typeof value !== 'string') throw unsupported()
  const wanted = sql`${fold}(${value}::text)`
  switch (op) {
    case 'eq':
      return sql<boolean>`(${column} = ${wanted})`
    case 'ne':
      return sql<boolean>`(${column} is distinct from ${wanted})`
    case 'co':
      return sql<boolean>`(position(${wanted} in ${column}) > 0)`
    case 'sw':
      return sql<boolean>`starts_with(${column}, ${wanted})`
    case 'ew':
      return sql<boolean>`(right(${column}, length(${wanted})) = ${wanted})`
    case 'gt':
    case 'ge':
    case 'lt':
    case 'le':
    default:
      throw unsupported()
  }
}

function compareBoolean(column: RawBuilder<unknown>, op: Compare['op'], value: unknown): Condition {
  const word = String(value).toLowerCase()
  if ((op !== 'eq' && op !== 'ne') || (word !== 'true' && word !== 'false')) throw unsupported()
  const wanted = (word === 'true') === (op === 'eq')
  return wanted ? sql<boolean>`${column}` : sql<boolean>`(not ${column})`
}

const TIME_OPERATORS: Partial<Record<Compare['op'], RawBuilder<unknown>>> = {
  eq: sql`=`,
  ne: sql`<>`,
  gt: sql`>`,
  ge: sql`>=`,
  lt: sql`<`,
  le: sql`<=`,
}

function compareTime(column: RawBuilder<unknown>, op: Compare['op'], value: unknown): Condition {
  const operator = TIME_OPERATORS[op]
  const isTime = typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value)
  const time = isTime ? new Date(value) : new Date(Number.NaN)
  if (operator === undefined || Number.isNaN(time.getTime())) throw unsupported()
  return sql<boolean>`(${column} ${operator} ${time})`
}

function unsupported(): ScimError {
  return new ScimError(
    'invalidFilter',
    'The filter asks for an attribute, an operator or a value that this server does not filter by.',
  )
}
