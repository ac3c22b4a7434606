/**
 * The attributes of an answer that a client asked for, or without those that it does not want (RFC
 * 7644 §3.9). `schemas` and `id` are always there.
 */

import { parseAttributePath } from './attribute-path.ts'
import { isObject, type JsonObject } from './read-value.ts'
import { ENTERPRISE_SCHEMA } from './schema-names.ts'

export interface AttributeChoice {
  /** Comma-separated. */
  readonly attributes?: string | undefined
  readonly excludedAttributes?: string | undefined
}

const ALWAYS = new Set(['schemas', 'id'])
const NAMES_MAX = 100

/** Throws ScimError invalidPath. */
export function projectAttributes(resource: JsonObject, choice: AttributeChoice): JsonObject {
  const wanted = namesOf(choice.attributes)
  const unwanted = namesOf(choice.excludedAttributes)
  const entries = Object.entries(resource).flatMap(([key, value]) => {
    const name = key.toLowerCase()
    if (ALWAYS.has(name)) return [[key, value] as const]
    const kept = wanted === undefined ? value : only(value, wanted.get(name))
    const left = kept === undefined ? undefined : without(kept, unwanted?.get(name))
    return left === undefined ? [] : [[key, left] as const]
  })
  return Object.fromEntries(entries)
}

/** Whether an attribute has to be looked up at all. Throws ScimError invalidPath. */
export function isWanted(name: string, choice: AttributeChoice): boolean {
  const wanted = namesOf(choice.attributes)
  if (wanted !== undefined && !wanted.has(name)) return false
  return namesOf(choice.excludedAttributes)?.get(name) !== 'all'
}

/** Which parts of an attribute: all of it, or some sub-attributes. */
type Parts = 'all' | ReadonlySet<string>

/** By attribute in lower case; undefined where the client names none. */
function namesOf(list: string | undefined): ReadonlyMap<string, Parts> | undefined {
  const names = (list ?? '').split(',', NAMES_MAX).map((name) => name.trim())
  const parts = new Map<string, Parts>()
  for (const name of names) {
    if (name === '') continue
    const { schema, attribute, subAttribute } = parseAttributePath(name)
    const isExtension = schema === 'enterprise'
    const key = isExtension ? ENTERPRISE_SCHEMA.toLowerCase() : attribute
    const part = isExtension && attribute !== '' ? attribute : subAttribute
    const known = parts.get(key)
    if (part === undefined || known === 'all') parts.set(key, 'all')
    else parts.set(key, new Set([...(known ?? []), part]))
  }
  return parts.size === 0 ? undefined : parts
}

function only(value: unknown, parts: Parts | undefined): unknown {
  if (parts === undefined) return undefined
  return parts === 'all' ? value : mapParts(value, (name) => parts.has(name))
}

function without(value: unknown, parts: Parts | undefined): unknown {
  if (parts === undefined) return value
  return parts === 'all' ? undefined : mapParts(value, (name) => !parts.has(name))
}

function mapParts(value: unknown, keeps: (name: string) => boolean): unknown {
  if (Array.isArray(value)) return value.map((one) => mapParts(one, keeps))
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([key]) => keeps(key.toLowerCase())))
}
