/** Lists and single things as text for people: aligned, and nothing that moves a cursor. */
import { oneLine } from './one-line.ts'

/** What a cell may hold; undefined is left empty. */
export type Cell = string | number | boolean | undefined

export interface Column<T> {
  readonly title: string
  readonly cell: (item: T) => Cell
}

const CELL_LENGTH_MAX = 300

/** With a line of titles; empty text for no items. */
export function renderTable<T>(columns: readonly Column<T>[], items: readonly T[]): string {
  if (items.length === 0) return ''
  const titles = columns.map(({ title }) => title.toUpperCase())
  const rows = items.map((item) => columns.map(({ cell }) => cellText(cell(item))))
  return aligned([titles, ...rows])
}

/** `name  value` lines; a value that is undefined has no line, a list has one for each. */
export function renderFields(
  fields: readonly (readonly [name: string, value: Cell | readonly Cell[]])[],
): string {
  const rows: string[][] = []
  for (const [name, value] of fields) {
    const values = (isList(value) ? value : [value]).filter((one) => one !== undefined)
    for (const [index, one] of values.entries()) rows.push([index === 0 ? name : '', cellText(one)])
  }
  return aligned(rows)
}

/** RFC 3339 → `2026-11-22 19:30 UTC`. */
export function time(timestamp: string | undefined): string | undefined {
  if (timestamp === undefined) return undefined
  const date = new Date(timestamp)
  if (Number.isNaN(date.getTime())) return timestamp
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

function cellText(cell: Cell): string {
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no'
  return oneLine(String(cell ?? ''), CELL_LENGTH_MAX)
}

function isList(value: Cell | readonly Cell[]): value is readonly Cell[] {
  return Array.isArray(value)
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [index, text] of row.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, lengthOf(text))
    }
  }
  const lines = rows.map((row) =>
    row
      .map((text, index) => text + ' '.repeat((widths[index] ?? 0) - lengthOf(text)))
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}

/** In characters, not UTF-16 units. */
function lengthOf(text: string): number {
  return Array.from(text).length
}
