/**
 * A WebAssembly module in bytes, written one instruction at a time: just what stretch-module.ts
 * needs. Source of truth: WebAssembly core specification 2.0, chapter 5 (binary format).
 */

/** Before every vector opcode (fixed-width SIMD), which is itself in LEB128. */
const SIMD_PREFIX = 0xfd
const I32 = 0x7f
const V128 = 0x7b
const MAGIC_AND_VERSION = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]

/** Their index is then a single byte. */
const LOCAL_MAX = 0x7f

/** A local variable's index. Parameters come first. */
export type Local = number

/** Writes the body of one function. Every method appends one instruction and returns the writer. */
export class FunctionWriter {
  readonly #code: number[] = []
  readonly #locals: number[] = []
  readonly #parameters: number

  constructor(parameters: number) {
    this.#parameters = parameters
  }

  i32(): Local {
    return this.#local(I32)
  }
  v128(): Local {
    return this.#local(V128)
  }

  get(local: Local): this {
    return this.#emit(0x20, local)
  }
  set(local: Local): this {
    return this.#emit(0x21, local)
  }
  tee(local: Local): this {
    return this.#emit(0x22, local)
  }
  constant(value: number): this {
    return this.#emit(0x41, ...signed(value))
  }

  add(): this {
    return this.#emit(0x6a)
  }
  subtract(): this {
    return this.#emit(0x6b)
  }
  and(): this {
    return this.#emit(0x71)
  }
  xor(): this {
    return this.#emit(0x73)
  }
  rotateRight(bits: number): this {
    return this.#emit(0x41, bits, 0x78)
  }
  /** Pushes the word at (address on the stack) + offset. */
  load(offset: number): this {
    return this.#emit(0x28, 2, ...unsigned(offset))
  }
  /** Stores the word on the stack at (address below it) + offset. */
  store(offset: number): this {
    return this.#emit(0x36, 2, ...unsigned(offset))
  }

  loop(): this {
    return this.#emit(0x03, 0x40)
  }
  /**
   * Takes two words; jumps to the start of the innermost loop if they differ, else leaves the loop.
   */
  repeatUnlessEqual(): this {
    return this.#emit(0x47, 0x0d, 0, 0x0b)
  }

  vectorLoad(offset: number): this {
    return this.#emit(SIMD_PREFIX, 0, 4, ...unsigned(offset))
  }
  /** Loads one word into all four lanes. */
  vectorLoadSplat(offset: number): this {
    return this.#emit(SIMD_PREFIX, 9, 2, ...unsigned(offset))
  }
  vectorStore(offset: number): this {
    return this.#emit(SIMD_PREFIX, 11, 4, ...unsigned(offset))
  }
  vectorConstant(words: readonly [number, number, number, number]): this {
    const bytes = words.flatMap((word) => [0, 8, 16, 24].map((shift) => (word >>> shift) & 0xff))
    return this.#emit(SIMD_PREFIX, 12, ...bytes)
  }
  /**
   * Takes two vectors; each byte of the result is the named byte, 0-15 of the first, 16-31 of the
   * second.
   */
  vectorShuffle(bytes: readonly number[]): this {
    return this.#emit(SIMD_PREFIX, 13, ...bytes)
  }
  vectorSplat(): this {
    return this.#emit(SIMD_PREFIX, 17)
  }
  vectorOr(): this {
    return this.#emit(SIMD_PREFIX, 0x50)
  }
  vectorXor(): this {
    return this.#emit(SIMD_PREFIX, 0x51)
  }
  vectorAdd(): this {
    return this.#emit(SIMD_PREFIX, 0xae, 1)
  }
  vectorShiftLeft(bits: number): this {
    return this.#emit(0x41, bits, SIMD_PREFIX, 0xab, 1)
  }
  vectorShiftRight(bits: number): this {
    return this.#emit(0x41, bits, SIMD_PREFIX, 0xad, 1)
  }
  /** Shifts the two 64-bit halves. */
  vectorShiftRight64(bits: number): this {
    return this.#emit(0x41, bits, SIMD_PREFIX, 0xcd, 1)
  }

  /** The function's entry for the code section: locals, instructions, end. */
  encode(): number[] {
    const groups = this.#locals.flatMap((type) => [1, type])
    return sized([...unsigned(this.#locals.length), ...groups, ...this.#code, 0x0b])
  }

  #local(type: number): Local {
    const local = this.#parameters + this.#locals.push(type) - 1
    if (local > LOCAL_MAX) throw new RangeError('too many locals')
    return local
  }

  #emit(...bytes: number[]): this {
    this.#code.push(...bytes)
    return this
  }
}

/**
 * A module with one page of memory, exported as `memory`, and one exported function of one i32
 * parameter.
 */
export function encodeModule(name: string, body: FunctionWriter): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...MAGIC_AND_VERSION,
    ...section(1, [1, 0x60, 1, I32, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]),
    ...section(7, [2, ...text('memory'), 2, 0, ...text(name), 0, 0]),
    ...section(10, [1, ...body.encode()]),
  ])
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...sized(content)]
}

function text(value: string): number[] {
  return sized([...new TextEncoder().encode(value)])
}

/** The content behind its length. */
function sized(content: readonly number[]): number[] {
  return [...unsigned(content.length), ...content]
}

function signed(value: number): number[] {
  const byte = value & 0x7f
  const rest = value >> 7
  return rest === (byte & 0x40 ? -1 : 0) ? [byte] : [byte | 0x80, ...signed(rest)]
}

/** LEB128, as is `signed`. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)]
}
