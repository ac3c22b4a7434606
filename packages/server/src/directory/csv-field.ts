/** A field of a CSV file, judged by the same schema as the field of a JSON body. */

import type { TSchema } from 'typebox'

interface FieldSchema {
  readonly pattern?: string
  readonly maxLength?: number
  readonly not?: { readonly pattern: string }
}

/** A function that says whether a text has the form of the schema. */
export function fieldForm(schema: TSchema) {
  const { pattern = '', maxLength = 0, not } = schema as FieldSchema
  const form = new RegExp(pattern, 'u')
  const excluded = not === undefined ? undefined : new RegExp(not.pattern, 'u')
  return (text: string): boolean =>
    text.length > 0 &&
    (text.length <= maxLength || Array.from(text).length <= maxLength) &&
    form.test(text) &&
    excluded?.test(text) !== true
}
