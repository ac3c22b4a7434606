/**
 * What the stretch thread is given to run, and how its answer reads. Two engines with the same
 * results: WebAssembly, and OpenSSL through node:crypto where the processor or the Node options do
 * not allow WebAssembly with SIMD. Source of truth: docs/spec/recovery-password.md;
 * docs/adr/0003-password-stretching.md for the choice.
 */
import {
  BLOCK2_TAIL,
  ROUND_CONSTANTS,
  STRETCH_BATCH,
  STRETCH_MEMORY,
  stretchModule,
} from './stretch-module.ts'
import { webAssembly } from './stretch-webassembly.ts'

export interface StretchEngine {
  /** A WebAssembly.Module, for the thread; undefined: the thread uses OpenSSL. */
  readonly module: object | undefined
  /** The state to start from, secret; the caller gives it away to the thread, which wipes it. */
  encodeState(initial: Uint8Array, salt: Uint8Array): Uint8Array<ArrayBuffer>
  /** The 32 bytes of the format from the 32 that the thread sends. */
  decodeResult(result: Uint8Array): Uint8Array
}

let fastest: StretchEngine | undefined

/** The fastest engine that works here, made once: V8 keeps what it has optimised. */
export function stretchEngine(): StretchEngine {
  fastest ??= wasmEngine() ?? openSslEngine
  return fastest
}

/** Undefined where there is no WebAssembly with SIMD. */
export function wasmEngine(): StretchEngine | undefined {
  if (webAssembly === undefined) return undefined
  const code = stretchModule()
  if (!webAssembly.validate(code)) return undefined
  return {
    module: new webAssembly.Module(code),
    encodeState: encodeMemory,
    decodeResult: swapWords,
  }
}

export const openSslEngine: StretchEngine = {
  module: undefined,
  encodeState(initial, salt) {
    const state = new Uint8Array(88)
    state.set(initial, 32)
    state.set(salt, 64)
    return state
  },
  decodeResult: (result) => result,
}

/** The module's memory before round 0, as STRETCH_MEMORY lays it out. */
function encodeMemory(initial: Uint8Array, salt: Uint8Array): Uint8Array<ArrayBuffer> {
  const memory = new DataView(new ArrayBuffer(STRETCH_MEMORY.size))
  const setWord = (address: number, value: number) => memory.setUint32(address, value, true)
  const setLanes = (address: number, value: number) => {
    for (let lane = 0; lane < STRETCH_BATCH; lane++) setWord(address + 4 * lane, value)
  }
  const constantOf = (step: number) => ROUND_CONSTANTS[step] ?? 0
  ROUND_CONSTANTS.forEach((constant, step) => {
    setWord(STRETCH_MEMORY.constants + 4 * step, constant)
    setLanes(STRETCH_MEMORY.constantLanes + 16 * step, constant)
  })
  messageWords(initial).forEach((word, index) => {
    setWord(STRETCH_MEMORY.initial + 4 * index, word)
    setWord(STRETCH_MEMORY.block1 + 4 * (8 + index), word + constantOf(8 + index))
  })
  const saltWords = messageWords(salt)
  saltWords.forEach((word, index) => setWord(STRETCH_MEMORY.salt + 4 * index, word))
  ;[...saltWords, 0, ...BLOCK2_TAIL].forEach((word, index) =>
    setLanes(STRETCH_MEMORY.block2 + 16 * index, word + constantOf(index)),
  )
  return new Uint8Array(memory.buffer)
}

/** The bytes as big-endian words, as SHA-256 reads its message. */
function messageWords(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.length / 4 }, (_, word) => view.getUint32(4 * word))
}

/** From the module's little-endian words to the bytes of a digest. */
function swapWords(words: Uint8Array): Uint8Array {
  const source = new DataView(words.buffer, words.byteOffset, words.byteLength)
  const digest = new DataView(new ArrayBuffer(words.length))
  for (let at = 0; at < words.length; at += 4) digest.setUint32(at, source.getUint32(at, true))
  words.fill(0)
  return new Uint8Array(digest.buffer)
}
