/**
 * Reads a small file, a pipe or standard input. Invariant: never more than the bound is read, and
 * an interruption ends the wait even where the system's read cannot be cancelled.
 */
import { open } from 'node:fs/promises'

import { CommandError } from '../command-error.ts'
import { unlessAborted } from '../interruption.ts'

export interface ReadOptions {
  readonly bytesMax: number
  readonly signal: AbortSignal
}

/** The whole file; throws CommandError FILE_READ if it is not readable or larger than the bound. */
export async function readFileBounded(path: string, options: ReadOptions): Promise<Uint8Array> {
  try {
    const handle = await unlessAborted(options.signal, open(path, 'r'))
    try {
      return await unlessAborted(options.signal, collect(handle.createReadStream(), path, options))
    } finally {
      void handle.close()
    }
  } catch (cause) {
    if (cause instanceof CommandError) throw cause
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`
    throw new CommandError('FILE_READ', `${path} ${why}`, { cause })
  }
}

/**
 * All of standard input, or one line of it where a person is typing. Throws CommandError FILE_READ
 * when it is larger than the bound.
 */
export async function readStdinBounded(prompt: string, options: ReadOptions): Promise<Uint8Array> {
  const { stdin, stderr } = process
  if (stdin.isTTY) stderr.write(prompt)
  const isComplete = (bytes: Uint8Array): boolean => stdin.isTTY && bytes.includes(0x0a)
  return await unlessAborted(options.signal, collect(stdin, 'standard input', options, isComplete))
}

async function collect(
  stream: AsyncIterable<unknown>,
  name: string,
  { bytesMax }: ReadOptions,
  isComplete: (bytes: Uint8Array) => boolean = () => false,
): Promise<Uint8Array> {
  let bytes = new Uint8Array()
  for await (const chunk of stream) {
    const next = Buffer.concat([bytes, chunk as Uint8Array])
    bytes.fill(0)
    bytes = next
    if (bytes.length > bytesMax) {
      bytes.fill(0)
      throw new CommandError(
        'FILE_READ',
        `${name} is too large: at most ${bytesMax} bytes belong there`,
      )
    }
    if (isComplete(bytes)) break
  }
  return bytes
}
