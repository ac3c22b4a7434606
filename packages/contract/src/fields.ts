/**
 * The fields that several routes share, each with its form and bound.
 * Forms are patterns rather than JSON Schema formats, so that every validator judges them alike.
 */
import { Type, type TProperties } from 'typebox'
import { LIMITS } from './limits.ts'

/** An object that refuses unknown fields: a misspelt field is an error, not silence. */
export function StrictObject<T extends TProperties>(properties: T, options: object = {}) {
  return Type.Object(properties, { additionalProperties: false, ...options })
}

const GUID_PATTERN = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'

const GUID = new RegExp(GUID_PATTERN)

/** Whether it is a GUID in lower case without braces. */
export function isGuid(text: string): boolean {
  return GUID.test(text)
}

/** A GUID in lower case without braces. */
export function Guid(description: string) {
  return Type.String({ pattern: GUID_PATTERN, maxLength: 36, description })
}

/** Base64url without padding (RFC 4648 §5), at least one and at most `bytesMax` bytes. */
export function Base64Url(bytesMax: number, description: string) {
  return Type.String({
    pattern: '^[A-Za-z0-9_-]+$',
    minLength: 2,
    maxLength: Math.ceil((bytesMax * 4) / 3),
    description,
  })
}

/** RFC 3339 in UTC with a `Z`, as `Date.toISOString` writes it. */
export function Timestamp(description: string) {
  return Type.String({
    pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?Z$',
    maxLength: 30,
    description,
  })
}

/**
 * One line of text: no control characters, so that it cannot forge a log line or a terminal
 * sequence; and no lone surrogates (Unicode Cs), which no UTF-8 can hold, the database's neither.
 */
export function Text(lengthMax: number, description: string) {
  return Type.String({
    pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\p{Cs}]*$',
    minLength: 1,
    maxLength: lengthMax,
    description,
  })
}

/**
 * What people name things and each other: one line without characters that cannot be seen (Unicode
 * Cf: zero width, direction overrides), by which one name could pass for another, and without
 * spaces around it.
 */
export function Name(lengthMax: number, description: string) {
  return Type.String({
    pattern: '^(?!\\s)[^\\p{Cc}\\p{Cf}\\p{Cs}\\u2028\\u2029]*(?<!\\s)$',
    minLength: 1,
    maxLength: lengthMax,
    description,
  })
}

/** Text that may have line breaks and tabs: what a person writes into a larger field. */
export function MultilineText(lengthMax: number, description: string) {
  return Type.String({
    pattern: '^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f\\p{Cs}]*$',
    minLength: 1,
    maxLength: lengthMax,
    description,
  })
}

/** One of a few words. */
export function OneOf<const T extends readonly string[]>(values: T, description: string) {
  return Type.Unsafe<T[number]>(Type.String({ enum: values, description }))
}

/**
 * A whole number in a query string, where everything is text and nothing is converted on the way.
 */
export function QueryInteger(description: string) {
  return Type.String({ pattern: '^[0-9]{1,15}$', description })
}

/** What a list is searched by. */
export function Search(description: string) {
  return Text(LIMITS.searchLengthMax, description)
}

/** Query parameters of a list: `after` is the `nextAfter` of the page before. */
export const PageQuery = {
  after: Type.Optional(
    Type.String({
      maxLength: LIMITS.cursorLengthMax,
      description: 'The `nextAfter` of the page before',
    }),
  ),
  limit: Type.Optional(
    QueryInteger(
      `Rows in this page: at most ${LIMITS.pageSizeMax}; ${LIMITS.pageSizeDefault} if absent`,
    ),
  ),
}

/** The cursor of the next page; absent on the last one. */
export const NextAfter = Type.Optional(
  Type.String({ description: 'Cursor of the next page; absent on the last one' }),
)
