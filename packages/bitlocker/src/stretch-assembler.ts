/**
 * A WebAssembly module in bytes, written one instruction at a time: just what stretch-module.ts needs.
 * Source of truth: WebAssembly core specification 2.0, chapter 5 (binary format).
 */

/** The opcodes in use. Vector opcodes (fixed-width SIMD) come after the prefix 0xfd. */
const SIMD_PREFIX = 0xfd
const I32 = 0x7f
const V128 = 0x7b
const MAGIC_AND_VERSION = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]

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
    return this.#parameters + this.#locals.push(I32) - 1
  }

  v128(): Local {
    return this.#parameters + this.#locals.push(V128) - 1
  }

  get(local: Local): this {
    return this.#op(0x20).#unsigned(local)
  }
  set(local: Local): this {
    return this.#op(0x21).#unsigned(local)
  }
  tee(local: Local): this {
    return this.#op(0x22).#unsigned(local)
  }
  constant(value: number): this {
    return this.#op(0x41).#signed(value)
  }

  add(): this {
    return this.#op(0x6a)
  }
  and(): this {
    return this.#op(0x71)
  }
  xor(): this {
    return this.#op(0x73)
  }
  rotateRight(bits: number): this {
    return this.constant(bits).#op(0x78)
  }
  /** Pushes the word at (address on the stack) + offset. */
  load(offset: number): this {
    return this.#op(0x28).#op(2).#unsigned(offset)
  }
  /** Stores the word on the stack at (address below it) + offset. */
  store(offset: number): this {
    return this.#op(0x36).#op(2).#unsigned(offset)
  }

  loop(): this {
    return this.#op(0x03).#op(0x40)
  }
  /** Takes two words; jumps to the start of the innermost loop if they differ, else leaves the loop. */
  repeatUnlessEqual(): this {
    return this.#op(0x47).#op(0x0d).#op(0).#op(0x0b)
  }

  vectorLoad(offset: number): this {
    return this.#simd(0).#op(4).#unsigned(offset)
  }
  /** Loads one word into all four lanes. */
  vectorLoadSplat(offset: number): this {
    return this.#simd(9).#op(2).#unsigned(offset)
  }
  vectorStore(offset: number): this {
    return this.#simd(11).#op(4).#unsigned(offset)
  }
  vectorConstant(words: readonly [number, number, number, number]): this {
    this.#simd(12)
    for (const word of words) {
      for (let shift = 0; shift < 32; shift += 8) this.#op((word >>> shift) & 0xff)
    }
    return this
  }
  /** Takes two vectors; each byte of the result is the named byte, 0-15 of the first, 16-31 of the second. */
  vectorShuffle(bytes: readonly number[]): this {
    this.#simd(13)
    for (const byte of bytes) this.#op(byte)
    return this
  }
  vectorSplat(): this {
    return this.#simd(17)
  }
  vectorOr(): this {
    return this.#simd(0x50)
  }
  vectorXor(): this {
    return this.#simd(0x51)
  }
  vectorAdd(): this {
    return this.#simd(0xae)
  }
  vectorShiftLeft(bits: number): this {
    return this.constant(bits).#simd(0xab)
  }
  vectorShiftRight(bits: number): this {
    return this.constant(bits).#simd(0xad)
  }
  /** Shifts the two 64-bit halves. */
  vectorShiftRight64(bits: number): this {
    return this.constant(bits).#simd(0xcd)
  }

  /** The function's entry for the code section: locals, instructions, end. */
  encode(): number[] {
    const groups = this.#locals.flatMap((type) => [1, type])
    return sized([...unsigned(this.#locals.length), ...groups, ...this.#code, 0x0b])
  }

  #op(byte: number): this {
    this.#code.push(byte)
    return this
  }
  #simd(opcode: number): this {
    return this.#op(SIMD_PREFIX).#unsigned(opcode)
  }
  #unsigned(value: number): this {
    if (value < 0x80) return this.#op(value)
    return this.#op((value & 0x7f) | 0x80).#unsigned(value >>> 7)
  }
  #signed(value: number): this {
    const byte = value & 0x7f
    const rest = value >> 7
    if (rest === (byte & 0x40 ? -1 : 0)) return this.#op(byte)
    return this.#op(byte | 0x80).#signed(rest)
  }
}

/** A module with one page of memory, exported as `memory`, and one exported function of one i32 parameter. */
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

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)]
}
