/**
 * The agent's memory in one crash-safe file. Format: docs/spec/agent-state.md.
 *
 *   keydesk-agent-state/1 sha256:<64 hex digits of the rest of the file>\n
 *   <one JSON object>\n
 *
 * A file that is cut short, damaged or of another version is an error with a sentence and is never
 * replaced: it holds the device's only key. The caller holds the process lock.
 */
import { createHash } from 'node:crypto'
import { AGENT_LIMITS } from './limits.ts'
import { isMissing, writeDurably } from './durable-file.ts'
import { AgentError, reasonOf } from './errors.ts'
import { readBoundedFile } from './read-bounded-file.ts'
import type { AgentState } from './agent-state.ts'

const HEADER = /^keydesk-agent-state\/(\d{1,4}) sha256:([0-9a-f]{64})\n/

/** Where the bytes are; the real one is a file, a test can make one that fails. */
export interface StateStorage {
  /** For messages. */
  readonly path: string
  /** `undefined` when nothing was ever written. */
  read(): Promise<Uint8Array | undefined>
  /** Durable and all-or-nothing once it returned; either of both when it threw. */
  write(bytes: Uint8Array): Promise<void>
}

export function stateStorage(path: string): StateStorage {
  return {
    path,
    write: (bytes) => writeDurably(path, bytes),
    read: async () => {
      try {
        return await readBoundedFile(path, AGENT_LIMITS.stateFileBytes)
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    },
  }
}

/**
 * The state in memory and on disk. `current` is always what the disk holds: after a write that
 * failed it is read again, because a write can fail after it took effect.
 */
export class StateFile {
  readonly #storage: StateStorage
  #state: AgentState | undefined

  private constructor(storage: StateStorage, state: AgentState) {
    this.#storage = storage
    this.#state = state
  }

  /** Throws STATE_MISSING, STATE_READ, STATE_CORRUPT or STATE_VERSION. */
  static async open(storage: StateStorage): Promise<StateFile> {
    return new StateFile(storage, await readState(storage))
  }

  /** `undefined` when there is no state yet; a damaged one throws. */
  static async openIfThere(storage: StateStorage): Promise<StateFile | undefined> {
    const bytes = await storage.read()
    return bytes === undefined
      ? undefined
      : new StateFile(storage, decodeState(bytes, storage.path))
  }

  /** Never over an existing file: check with `openIfThere` first, under the lock. */
  static async create(storage: StateStorage, state: AgentState): Promise<StateFile> {
    await write(storage, state)
    return new StateFile(storage, state)
  }

  async current(): Promise<AgentState> {
    this.#state ??= await readState(this.#storage)
    return this.#state
  }

  /** Write `change(current)` durably; on return it is on disk. A change to the same is no write. */
  async update(change: (state: AgentState) => AgentState): Promise<AgentState> {
    const before = await this.current()
    const after = change(before)
    if (after === before) return before
    this.#state = undefined
    await write(this.#storage, after)
    this.#state = after
    return after
  }
}

async function readState(storage: StateStorage): Promise<AgentState> {
  const bytes = await readBytes(storage)
  if (bytes === undefined) {
    throw new AgentError(
      'STATE_MISSING',
      `There is no state file at ${storage.path}. Enrol this PC first: keydesk-agent enroll.`,
    )
  }
  return decodeState(bytes, storage.path)
}

async function readBytes(storage: StateStorage): Promise<Uint8Array | undefined> {
  try {
    return await storage.read()
  } catch (error) {
    throw new AgentError(
      'STATE_READ',
      `The state file ${storage.path} could not be read: ${reasonOf(error)}`,
      { cause: error },
    )
  }
}

async function write(storage: StateStorage, state: AgentState): Promise<void> {
  const bytes = encodeState(state)
  if (bytes.length > AGENT_LIMITS.stateFileBytes) {
    throw new AgentError('STATE_WRITE', 'The state has outgrown its limit; nothing was written.')
  }
  try {
    await storage.write(bytes)
  } catch (error) {
    throw new AgentError(
      'STATE_WRITE',
      `The state file ${storage.path} could not be written: ${reasonOf(error)}`,
      { cause: error },
    )
  }
}

export function encodeState(state: AgentState): Uint8Array {
  const body = `${JSON.stringify(state)}\n`
  return new TextEncoder().encode(`keydesk-agent-state/1 sha256:${sha256(body)}\n${body}`)
}

/** `path` is for messages only. */
export function decodeState(bytes: Uint8Array, path: string): AgentState {
  const text = new TextDecoder().decode(bytes)
  const header = HEADER.exec(text)
  if (header === null) throw corrupt(path, 'its first line is not that of a state file')
  if (header[1] !== '1') {
    throw new AgentError(
      'STATE_VERSION',
      `The state file ${path} is of version ${header[1]}; this agent reads version 1. ` +
        'Use the agent that wrote it, or a newer one.',
    )
  }
  const body = text.slice(header[0].length)
  if (sha256(body) !== header[2]) throw corrupt(path, 'its checksum does not match')
  return JSON.parse(body) as AgentState
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function corrupt(path: string, what: string): AgentError {
  return new AgentError(
    'STATE_CORRUPT',
    `The state file ${path} is damaged (${what}). It holds this PC's only key, so it is left ` +
      'as it is: restore it from a backup, or move it away and enrol again.',
  )
}
