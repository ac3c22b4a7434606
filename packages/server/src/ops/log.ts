/**
 * Structured logs: one JSON object a line on standard output, or a line for people.
 *
 * What may appear is an allow-list: serialisers pick named fields, and no body, header, query or
 * raw URL is among them. Error text goes through `withoutSecrets`, because libraries quote their
 * input.
 */

import { pino, type DestinationStream, type Logger } from 'pino'
import { withoutSecrets } from '../http/secret-text.ts'
import { TextLines } from './text-lines.ts'

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  readonly format: 'json' | 'text'
  /** Standard output unless a test says otherwise. */
  readonly destination?: DestinationStream
}

export function createLog(options: LogOptions): Logger {
  const destination = options.destination ?? pino.destination({ dest: 1, sync: true })
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // `req` and `res` are what Fastify would log: withheld here, `http/request-log.ts` says what
      // is logged.
      serializers: { err: errorFields, req: () => undefined, res: () => undefined },
    },
    options.format === 'text' ? new TextLines(destination) : destination,
  )
}

/** Causes are few; a loop of them ends here. */
const CAUSES_MAX = 5

/**
 * Name, code, message, stack and causes of an error, without secrets. Never its other properties.
 */
function errorFields(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return { type: typeof error }
  const fields: Record<string, unknown> = { type: error.name, message: errorText(error) }
  if ('code' in error && typeof error.code === 'string') fields['code'] = withoutSecrets(error.code)
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line))
  if (frames !== undefined) fields['stack'] = withoutSecrets(frames.join('\n'))
  if (error.cause !== undefined && depth < CAUSES_MAX) {
    fields['cause'] = errorFields(error.cause, depth + 1)
  }
  return fields
}

/** A JSON syntax error quotes the text around the mistake, in pieces that no pattern can tell. */
function errorText(error: Error): string {
  return error instanceof SyntaxError
    ? '[withheld: quotes its input]'
    : withoutSecrets(error.message)
}
