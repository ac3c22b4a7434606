/**
 * `import FILE` and `export` of a part of the directory. The service judges the file: it applies
 * all of it or nothing, and says what is wrong line by line. Invariant: a refused file ends with
 * exit code 1 and its errors on standard error, each as `FILE:LINE: …`.
 */
import { readFile, stat } from 'node:fs/promises'
import type { Command } from 'commander'
import type { ImportResult } from '@keydesk/contract'
import { CommandError, EXIT_REFUSED } from '../command-error.ts'
import { CSV_FILE_BYTES_MAX } from '../limits.ts'
import { newCommand, onService } from '../service/commands.ts'
import { oneLine } from '../service/one-line.ts'
import type { Query } from '../service/service.ts'

interface ImportOptions {
  readonly dryRun?: boolean
}

interface ImportShape<O> {
  readonly what: string
  readonly path: string
  readonly declare?: (command: Command) => Command
  readonly query?: (options: O) => Query
}

export function importCommand<O extends object = object>(shape: ImportShape<O>): Command {
  const { what, path, declare = (command) => command, query = () => ({}) } = shape
  const file = ['file.csv', 'UTF-8, the columns named in its first line'] as const
  const command = newCommand('import', `Add and change ${what} from a CSV file`, [file]).option(
    '--dry-run',
    'say what would be done, and change nothing',
  )
  return onService<ImportOptions & O>(declare(command), async (service, [name = ''], options) => {
    const body = { type: 'text/csv', content: await readCsv(name) }
    const result = await service.postText<ImportResult>(path, body, {
      ...query(options),
      ...(options.dryRun === true ? { dryRun: 'true' } : {}),
    })
    if (result.errorCount > 0) throw refused(name, result, options.json === true)
    return { json: result, text: `${summary(result, options.dryRun === true)}\n` }
  })
}

export function exportCommand(what: string, path: string): Command {
  const command = newCommand('export', `Write ${what} as CSV to standard output`)
  return onService(command, async (service, _args, options) => {
    const text = await service.getText(path)
    return { text, json: options.json === true ? { csv: text } : undefined }
  })
}

async function readCsv(name: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const { size } = await stat(name)
    if (size > CSV_FILE_BYTES_MAX) {
      throw new CommandError(
        'FILE_READ',
        `${name} is too large: at most ${CSV_FILE_BYTES_MAX} bytes`,
      )
    }
    return new Uint8Array(await readFile(name))
  } catch (cause) {
    if (cause instanceof CommandError) throw cause
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`
    throw new CommandError('FILE_READ', `${name} ${why}`, { cause })
  }
}

function refused(name: string, result: ImportResult, isJson: boolean): CommandError {
  const lines = result.errors.map(({ line, column, message }) => {
    const where = column === undefined ? '' : `${oneLine(column)}: `
    return `${name}:${line}: ${where}${oneLine(message)}`
  })
  if (!isJson) process.stderr.write(lines.map((line) => `${line}\n`).join(''))
  const count = `${result.errorCount} ${result.errorCount === 1 ? 'error' : 'errors'}`
  const more = result.errorCount > result.errors.length ? ` (the first ${lines.length} shown)` : ''
  const detail = isJson ? `: ${lines.join('; ')}` : ''
  return new CommandError('IMPORT_REFUSED', `${name}: ${count}${more}; nothing changed${detail}`, {
    exitCode: EXIT_REFUSED,
  })
}

function summary({ created, updated, unchanged }: ImportResult, isDryRun: boolean): string {
  const counts = `${created} created, ${updated} changed, ${unchanged} as they were`
  return isDryRun ? `Nothing changed; it would be: ${counts}.` : `Imported: ${counts}.`
}
