/**
 * What goes to standard output. Invariant: a call returns when the text is handed over, or throws;
 * a full disk behind a redirection or a closed pipe is never mistaken for success.
 */
import { fsync } from 'node:fs'
import { promisify } from 'node:util'

import { CommandError } from './command-error.ts'

/** Writes text as it is. Throws CommandError OUTPUT. */
export async function print(text: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  process.stdout.once('error', reject)
  process.stdout.write(text, (error) => (error ? reject(error) : resolve()))
  try {
    await promise
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason'
    throw new CommandError('OUTPUT', `Standard output cannot be written (${why})`, { cause })
  }
  process.stdout.removeListener('error', reject)
}

/** Writes a JSON value on a line of its own. */
export async function printJson(value: unknown): Promise<void> {
  await print(`${JSON.stringify(value)}\n`)
}

/** Like `print`, and durable where standard output is a file. */
export async function printDurably(text: string): Promise<void> {
  await print(text)
  // A terminal or a pipe has nothing to synchronise and says so.
  await promisify(fsync)(process.stdout.fd).catch(() => undefined)
}
