/**
 * Reads a CSV file of known columns. Every error says the line on which its row begins, also where
 * rows before it have line breaks within quotes. The whole file is read before anything is done
 * with it, so a slow sender holds no lock.
 */

import { Readable } from 'node:stream'
import { LIMITS } from '@keydesk/contract'
import { CsvError, parse } from 'csv-parse'
import { AppError } from '../errors.ts'
import { fromCsvText } from './csv-text.ts'
import type { ImportErrors } from './import-errors.ts'

export interface CsvRow<Column extends string> {
  /** Line of the file on which it begins, from 1. */
  readonly line: number
  /** Undefined: the file has no such column. Empty: to be taken away. */
  readonly fields: Readonly<Partial<Record<Column, string>>>
}

/**
 * Rows without an error. Throws AppError BODY_TOO_LARGE, and CSV_INVALID for what is not UTF-8.
 */
export async function readCsv<const Column extends string>(
  body: Readable,
  columns: readonly Column[],
  errors: ImportErrors,
): Promise<CsvRow<Column>[]> {
  const texts = await readTexts(body)
  // The line on which the next row begins: counted here, as each row is read. The parser's own
  // count takes CR LF within quotes for two, and its rows before an error are lost with it.
  let line = 1
  const parser = parse({
    // Its types do not know what `raw` makes of a row.
    on_record: (parsed: string[]) => {
      const { record, raw } = parsed as unknown as ParsedRow
      const row: ReadRow = { record, begins: line }
      line += 1 + lineBreaks(raw)
      return row as unknown as string[]
    },
    delimiter: delimiterOf(texts.join('')),
    raw: true,
    relax_column_count: true,
    max_record_size: columns.length * LIMITS.csvFieldLengthMax,
    record_delimiter: ['\r\n', '\n', '\r'],
  })
  const rows: CsvRow<Column>[] = []
  let header: readonly Column[] | undefined
  try {
    for await (const parsed of Readable.from(texts).pipe(parser)) {
      const { record, begins } = parsed as ReadRow
      if (record.length === 1 && record[0] === '') continue
      if (header === undefined) {
        header = readHeader(record, columns, { line: begins, errors })
        if (header === undefined) return []
      } else if (rows.length >= LIMITS.csvRowsMax) {
        errors.add(begins, `The file has more than ${LIMITS.csvRowsMax} rows.`)
        return []
      } else {
        const fields = readFields(record, header, { line: begins, errors })
        if (fields !== undefined) rows.push({ line: begins, fields })
      }
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    errors.add(line, MESSAGES[error.code] ?? 'This row is not well-formed CSV.')
    return []
  }
  if (header === undefined)
    errors.add(1, `The first line names the columns: ${columns.join(', ')}.`)
  return rows
}

/** What the parser makes of a row, with the option `raw`. */
interface ParsedRow {
  readonly record: string[]
  readonly raw: string
}

interface ReadRow {
  readonly record: string[]
  readonly begins: number
}

const MESSAGES: Readonly<Record<string, string | undefined>> = {
  CSV_INVALID_CLOSING_QUOTE: 'A quoted field goes on after its closing quote.',
  CSV_QUOTE_NOT_CLOSED: 'A quoted field is not closed.',
  INVALID_OPENING_QUOTE: 'A quote is in a field that does not begin with one.',
  CSV_MAX_RECORD_SIZE: 'This row is too long.',
}

/** Within the row; the one at its end is not counted. */
function lineBreaks(raw: string): number {
  return raw.replace(/(?:\r\n?|\n)$/, '').match(/\r\n?|\n/g)?.length ?? 0
}

async function readTexts(body: Readable): Promise<string[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const texts: string[] = []
  let size = 0
  try {
    for await (const chunk of body) {
      const bytes = chunk as Uint8Array
      size += bytes.length
      if (size > LIMITS.csvBytesMax) throw new AppError('BODY_TOO_LARGE', 'Send a smaller file.')
      texts.push(decoder.decode(bytes, { stream: true }))
    }
    texts.push(decoder.decode())
  } catch (error) {
    // The decoder's; what breaks on the way is an Error of the socket.
    if (!(error instanceof TypeError)) throw error
    throw new AppError('CSV_INVALID', 'The file is not UTF-8. Save it as "CSV UTF-8".')
  }
  return texts.filter((text) => text !== '')
}

/** By the header, as spreadsheets of many countries write semicolons. */
function delimiterOf(text: string): ',' | ';' | '\t' {
  const header = /^[^\r\n]{0,4096}/.exec(text)?.[0] ?? ''
  return ([',', ';', '\t'] as const).find((one) => header.includes(one)) ?? ','
}

interface Place {
  readonly line: number
  readonly errors: ImportErrors
}

function readHeader<Column extends string>(
  record: readonly string[],
  columns: readonly Column[],
  { line, errors }: Place,
): readonly Column[] | undefined {
  const known = new Map(columns.map((column) => [column.toLowerCase(), column]))
  const header = record.map((text) => known.get(text.trim().toLowerCase()))
  const unknown = header.indexOf(undefined)
  if (unknown >= 0) {
    errors.add(line, `Column ${unknown + 1} is none of ${columns.join(', ')}.`)
    return undefined
  }
  if (new Set(header).size < header.length) {
    errors.add(line, 'A column is named twice.')
    return undefined
  }
  return header.filter((column) => column !== undefined)
}

function readFields<Column extends string>(
  record: readonly string[],
  header: readonly Column[],
  { line, errors }: Place,
): Partial<Record<Column, string>> | undefined {
  if (record.length !== header.length) {
    errors.add(line, `The row has ${record.length} fields instead of ${header.length}.`)
    return undefined
  }
  const fields: Partial<Record<Column, string>> = {}
  for (const [index, column] of header.entries()) {
    const text = record[index] ?? ''
    if (text.length > LIMITS.csvFieldLengthMax) {
      errors.add(line, 'The field is too long.', column)
      return undefined
    }
    fields[column] = fromCsvText(text)
  }
  return fields
}
