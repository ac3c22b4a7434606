/**
 * Whether a value that came from outside has the form of a schema: how clients judge an answer
 * before they use it.
 */
import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'

export function matches<T extends TSchema>(schema: T, value: unknown): value is Static<T> {
  return Value.Check(schema, value)
}
