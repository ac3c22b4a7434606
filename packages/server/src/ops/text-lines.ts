/**
 * `KEYDESK_LOG_FORMAT=text`: the JSON log line, laid out for a person.
 *
 *   10:15:02.123 INFO  request completed  method=GET route=/readyz status=200
 *
 * Control characters are escaped by JSON quoting, so a hostile value cannot forge a line.
 */

import type { DestinationStream } from 'pino'

export class TextLines implements DestinationStream {
  readonly #destination: DestinationStream

  constructor(destination: DestinationStream) {
    this.#destination = destination
  }

  write(line: string): void {
    this.#destination.write(textLine(line))
  }
}

function textLine(json: string): string {
  const { time, level, msg, ...fields } = JSON.parse(json) as Record<string, unknown>
  const clock = typeof time === 'string' ? time.slice(11, 23) : ''
  const label = typeof level === 'string' ? level.toUpperCase().padEnd(5) : ''
  const text = typeof msg === 'string' ? JSON.stringify(msg).slice(1, -1) : ''
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${fieldText(value)}`)
  return `${[clock, label, text].join(' ')}${rest.length > 0 ? `  ${rest.join(' ')}` : ''}\n`
}

function fieldText(value: unknown): string {
  if (typeof value === 'string' && /^[\w./:@{}*-]+$/.test(value)) return value
  return JSON.stringify(value)
}
