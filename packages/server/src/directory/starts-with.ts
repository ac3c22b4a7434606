/** Search by the beginning of a text, as an SQL condition that an index on it serves. */

import { sql, type RawBuilder } from 'kysely'

/** `column`: such as sql.ref('directory_user.mail'). Case is free. */
export function startsWith(column: RawBuilder<unknown>, text: string): RawBuilder<boolean> {
  const pattern = `${text.toLowerCase().replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
  return sql<boolean>`lower(${column}) collate "C" like ${pattern}`
}
