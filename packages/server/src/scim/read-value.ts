/** Reads values out of a SCIM body, which has no fixed schema: names in any case, types unsure. */

import { ScimError } from './scim-error.ts'

export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Undefined where it is absent. Attribute names have no case (RFC 7643 §2.1). */
export function attributeOf(object: JsonObject, name: string): unknown {
  const lower = name.toLowerCase()
  const key = Object.keys(object).find((one) => one.toLowerCase() === lower)
  return key === undefined ? undefined : object[key]
}

/** Throws ScimError invalidValue: it must be there. */
export function requiredText(value: unknown, name: string, lengthMax: number): string {
  const text = optionalText(value, name, lengthMax)
  if (text === null) throw new ScimError('invalidValue', `${name} must not be empty.`)
  return text
}

/**
 * One line without spaces around it; null where there is none, which SCIM writes as absent, null or
 * empty (RFC 7643 §2.5). Throws ScimError invalidValue.
 */
export function optionalText(value: unknown, name: string, lengthMax: number): string | null {
  if (value === undefined || value === null) return null
  if (typeof value !== 'string') throw new ScimError('invalidValue', `${name} must be a string.`)
  const text = value.trim()
  if (text.length > lengthMax) {
    throw new ScimError('invalidValue', `${name} must not have more than ${lengthMax} characters.`)
  }
  if (/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(text)) {
    throw new ScimError('invalidValue', `${name} must be one line without control characters.`)
  }
  return text === '' ? null : text
}

/** Entra sends `"False"` unless its tenant URL asks otherwise. Throws ScimError invalidValue. */
export function booleanOf(value: unknown, name: string): boolean {
  if (typeof value === 'boolean') return value
  const word = typeof value === 'string' ? value.toLowerCase() : ''
  if (word === 'true' || word === 'false') return word === 'true'
  throw new ScimError('invalidValue', `${name} must be true or false.`)
}
