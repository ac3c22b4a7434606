/**
 * One stretch in progress, a slice at a time. Two engines with the same results: WebAssembly, and node:crypto where the
 * processor or the Node options do not allow WebAssembly with SIMD. Source of truth: BitLocker format reference §6.2.
 * Invariant: `dispose` leaves nothing of the secret in the engine's memory.
 */
import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'

import {
  BLOCK2_TAIL,
  ROUND_CONSTANTS,
  STRETCH_BATCH,
  STRETCH_MEMORY,
  stretchModule,
} from './stretch-module.ts'

/** The part of the standard WebAssembly API used here; Node's types leave it to the DOM's. */
declare const WebAssembly:
  | {
      validate(bytes: Uint8Array): boolean
      Module: new (bytes: Uint8Array) => object
      Instance: new (module: object) => { readonly exports: Record<string, unknown> }
    }
  | undefined

export interface StretchEngine {
  /** Starts over: `initial` is 32 bytes, `salt` 16. */
  start(initial: Uint8Array, salt: Uint8Array): void
  /** Does that many more rounds. */
  run(rounds: number): void
  /** The 32 bytes after the rounds so far; a copy. */
  result(): Uint8Array<ArrayBuffer>
  /** Wipes the secret; `start` may be called again. */
  wipe(): void
}

/** The fastest engine that works here. */
export function createStretchEngine(): StretchEngine {
  return createWasmEngine() ?? createHashEngine()
}

/** V8 puts the fast code in place between calls, never within one, so a call does few rounds. */
const ROUNDS_PER_CALL = 256

/** The engine in WebAssembly; undefined where that is missing. */
export function createWasmEngine(): StretchEngine | undefined {
  if (typeof WebAssembly === 'undefined') return undefined
  const bytes = stretchModule()
  if (!WebAssembly.validate(bytes)) return undefined
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes))
  const { memory, run } = exports as {
    memory: { buffer: ArrayBuffer }
    run: (rounds: number) => void
  }
  const words = new DataView(memory.buffer)
  const setWord = (address: number, value: number) => words.setUint32(address, value, true)
  ROUND_CONSTANTS.forEach((constant, step) => {
    setWord(STRETCH_MEMORY.constants + 4 * step, constant)
    setLanes(words, STRETCH_MEMORY.constantLanes + 16 * step, constant)
  })
  return {
    start(initial, salt) {
      const initialWords = messageWords(initial)
      const saltWords = messageWords(salt)
      for (let word = 0; word < 8; word++) setWord(STRETCH_MEMORY.last + 4 * word, 0)
      setWord(STRETCH_MEMORY.count, 0)
      saltWords.forEach((word, index) => setWord(STRETCH_MEMORY.salt + 4 * index, word))
      initialWords.forEach((word, index) => {
        setWord(STRETCH_MEMORY.initial + 4 * index, word)
        setWord(STRETCH_MEMORY.block1 + 4 * (8 + index), word + constantOf(8 + index))
      })
      ;[...saltWords, 0, ...BLOCK2_TAIL].forEach((word, index) =>
        setLanes(words, STRETCH_MEMORY.block2 + 16 * index, word + constantOf(index)),
      )
      initialWords.fill(0)
    },
    run(rounds) {
      if (rounds % STRETCH_BATCH !== 0) throw new RangeError('rounds must be a multiple of 4')
      for (let done = 0; done < rounds; done += ROUNDS_PER_CALL) {
        run(Math.min(ROUNDS_PER_CALL, rounds - done))
      }
    },
    result() {
      const digest = new DataView(new ArrayBuffer(32))
      for (let at = 0; at < 32; at += 4) {
        digest.setUint32(at, words.getUint32(STRETCH_MEMORY.last + at, true))
      }
      return new Uint8Array(digest.buffer)
    },
    wipe() {
      new Uint8Array(memory.buffer, 0, STRETCH_MEMORY.constants).fill(0)
    },
  }
}

/** The engine on OpenSSL: one call a round, so most of its time is spent getting in and out. */
export function createHashEngine(): StretchEngine {
  const state = Buffer.alloc(88)
  let count = 0
  return {
    start(initial, salt) {
      state.fill(0)
      state.set(initial, 32)
      state.set(salt, 64)
      count = 0
    },
    run(rounds) {
      for (const end = count + rounds; count < end;) {
        // A 'binary' result is a one-byte string, several times cheaper than a Buffer for each round.
        state.write(hash('sha256', state, 'binary'), 0, 'binary')
        count += 1
        state.writeUInt32LE(count, 80)
      }
    },
    result: () => new Uint8Array(state.subarray(0, 32)),
    wipe: () => void state.fill(0),
  }
}

function constantOf(step: number): number {
  return ROUND_CONSTANTS[step] ?? 0
}

function setLanes(words: DataView, address: number, value: number): void {
  for (let lane = 0; lane < STRETCH_BATCH; lane++) words.setUint32(address + 4 * lane, value, true)
}

/** The bytes as big-endian words, as SHA-256 reads its message. */
function messageWords(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.length / 4 }, (_, word) => view.getUint32(4 * word))
}
