/**
 * SHA-256 over the stretch's 88-byte state as WebAssembly, generated here: no compiler, no binary
 * in the repository. Source of truth: FIPS 180-4 §6.2; the state's layout:
 * docs/spec/recovery-password.md. Why it looks like this, with measurements:
 * docs/adr/0003-password-stretching.md. Three things make it fast:
 * - steps are written out eight at a time, so the eight state words change their names and not
 *   their places;
 * - the second block (salt, counter, padding) does not depend on the first, so its message schedule
 *   is computed for four counters at once, one in each SIMD lane;
 * - the first block's schedule is computed four words at a time.
 */
import { encodeModule, FunctionWriter } from './stretch-assembler.ts'
import type { Local } from './stretch-assembler.ts'

/**
 * Where things lie in the module's memory, in bytes. Words are in the machine's order, not the
 * message's.
 */
export const STRETCH_MEMORY = {
  /** `last`: 8 words. */
  last: 0,
  /** The counter, one word: the low half; the high half is always 0. */
  count: 32,
  /** 4 words. */
  salt: 48,
  /** `initial`: 8 words. */
  initial: 64,
  /**
   * Schedule plus round constant of block 1: 64 words. 8 to 15 are `initial`, set once; 0 to 7 are
   * not used.
   */
  block1: 1024,
  /**
   * The same of block 2, for four counters: 64 vectors. 0 to 15 are set once, except 4, the
   * counter.
   */
  block2: 2048,
  /** The round constants: 64 words, then each in four lanes: 64 vectors. */
  constants: 4096,
  constantLanes: 5120,
  /** Bytes of all that. */
  size: 6144,
} as const

/** Counters that one pass of the loop handles: the lanes of a vector. */
export const STRETCH_BATCH = 4

/**
 * Fractional bits of the square roots of the first eight primes, of the cube roots of the first 64.
 */
const INITIAL_STATE = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]
export const ROUND_CONSTANTS: readonly number[] = [
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]

/**
 * Words 5 to 15 of block 2: the counter's high half, the end mark, padding, the length of 88 bytes
 * in bits.
 */
export const BLOCK2_TAIL: readonly number[] = [0, 0x80000000, 0, 0, 0, 0, 0, 0, 0, 0, 704]

const BYTES_FROM_WORD_1 = [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]
const BYTES_SWAPPED = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12]
const WORDS_2_2_3_3 = [8, 9, 10, 11, 8, 9, 10, 11, 12, 13, 14, 15, 12, 13, 14, 15]
const WORDS_0_0_1_1 = [0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7]
/** Words 0 and 2 of the first vector to the front, then two words of the second. */
const WORDS_0_2_THEN_SECOND = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23]
/** Two words of the first vector, then words 0 and 2 of the second. */
const FIRST_THEN_WORDS_0_2 = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 24, 25, 26, 27]

/**
 * The module: exports `memory` (laid out as STRETCH_MEMORY) and `run(rounds)`, which does that many
 * more rounds of the stretch; rounds must be a positive multiple of STRETCH_BATCH.
 */
export function stretchModule(): Uint8Array<ArrayBuffer> {
  const writer = new FunctionWriter(1)
  const rounds = 0
  const [count, end, lane, offset] = [writer.i32(), writer.i32(), writer.i32(), writer.i32()]
  const last = Array.from({ length: 8 }, () => writer.i32())
  const compression = new CompressionWriter(writer)
  const vectors = Array.from({ length: 16 }, () => writer.v128())
  const schedule1 = new Block1Schedule(writer, vectors.slice(0, 4))

  last.forEach((word, index) =>
    writer
      .constant(0)
      .load(STRETCH_MEMORY.last + 4 * index)
      .set(word),
  )
  writer.constant(0).load(STRETCH_MEMORY.count).tee(count).get(rounds).add().set(end)
  writer.loop()
  scheduleBlock2(writer, vectors, { count, offset })
  writer.constant(0).set(lane).loop()

  storeWords(writer, last)
  schedule1.begin(last)
  compression.begin(INITIAL_STATE)
  writer.constant(0).set(offset).loop()
  for (let step = 0; step < 16; step++) {
    if (step % 4 === 0) schedule1.advance(step + 16, offset)
    compression.step(step, () => writer.get(offset).load(STRETCH_MEMORY.block1 + 4 * step))
  }
  repeatUntil(writer, offset, { step: 4 * 16, end: 4 * 48 })
  writer.loop()
  for (let step = 0; step < 8; step++) {
    compression.step(step, () => writer.get(offset).load(STRETCH_MEMORY.block1 + 4 * step))
  }
  repeatUntil(writer, offset, { step: 4 * 8, end: 4 * 64 })
  compression.end(INITIAL_STATE, last)

  compression.begin(last)
  writer.get(lane).set(offset).loop()
  for (let step = 0; step < 8; step++) {
    compression.step(step, () => writer.get(offset).load(STRETCH_MEMORY.block2 + 16 * step))
  }
  const [stepBytes, blockBytes] = [16 * 8, 16 * 64]
  writer.get(offset).constant(stepBytes).add().tee(offset)
  writer.get(lane).constant(blockBytes).add().repeatUnlessEqual()
  compression.end(last, last)

  repeatUntil(writer, lane, { step: 4, end: 16 })
  writer.get(count).constant(STRETCH_BATCH).add().tee(count).get(end).repeatUnlessEqual()
  storeWords(writer, last)
  writer.constant(0).get(count).store(STRETCH_MEMORY.count)
  return encodeModule('run', writer)
}

/** Writes compressions: steps over eight state words that change names instead of places. */
class CompressionWriter {
  readonly #writer: FunctionWriter
  readonly #state: readonly Local[]
  readonly #nextE: Local
  #aXorB: Local
  #bXorC: Local

  constructor(writer: FunctionWriter) {
    this.#writer = writer
    this.#state = Array.from({ length: 8 }, () => writer.i32())
    this.#nextE = writer.i32()
    this.#aXorB = writer.i32()
    this.#bXorC = writer.i32()
  }

  /** Takes the state from `start`: words, or the locals that hold them. */
  begin(start: readonly number[]): void {
    this.#state.forEach((local, word) => this.#push(start, word).set(local))
    this.#push(start, 1)
    this.#push(start, 2).xor().set(this.#bXorC)
  }

  /**
   * Writes one step; `pushScheduled` pushes its schedule word plus round constant. Names repeat
   * every 8 steps.
   */
  step(step: number, pushScheduled: () => void): void {
    const writer = this.#writer
    const name = (word: number) => at(this.#state, (word - step) & 7)
    const [a, b, d, e, f, g, h] = [name(0), name(1), name(3), name(4), name(5), name(6), name(7)]
    // The next e = d + h + scheduled + choose(e, f, g) + Sigma1(e). All that does not need e is
    // added first: one addition less in the chain from e to e, which is what the processor waits
    // for.
    pushScheduled()
    writer.get(h).add().get(d).add()
    writer.get(f).get(g).xor().get(e).and().get(g).xor().add()
    writer.get(e).rotateRight(5).get(e).xor().rotateRight(6).get(e).rotateRight(25).xor().add()
    writer.set(this.#nextE)
    // The next a = next e - d + majority(a, b, c) + Sigma0(a), where
    // majority(a, b, c) = b ^ ((a ^ b) & (b ^ c)), and this step's a ^ b is the next one's b ^ c.
    writer.get(a).get(b).xor().tee(this.#aXorB).get(this.#bXorC).and().get(b).xor()
    writer.get(d).subtract().get(this.#nextE).add()
    writer.get(a).rotateRight(11).get(a).xor().rotateRight(2).get(a).rotateRight(22).xor().add()
    // h is the next a, d the next e.
    writer.set(h).get(this.#nextE).set(d)
    const used = this.#bXorC
    this.#bXorC = this.#aXorB
    this.#aXorB = used
  }

  /**
   * Leaves start plus state in `result`. The number of steps was a multiple of 8, so names are the
   * first ones again.
   */
  end(start: readonly number[], result: readonly Local[]): void {
    this.#state.forEach((local, word) =>
      this.#push(start, word).get(local).add().set(at(result, word)),
    )
  }

  #push(start: readonly number[], word: number): FunctionWriter {
    const value = at(start, word)
    return start === INITIAL_STATE ? this.#writer.constant(value) : this.#writer.get(value)
  }
}

/** The first block's schedule: words 16 to 63, four at a time, in a ring of four vectors. */
class Block1Schedule {
  readonly #writer: FunctionWriter
  readonly #ring: readonly Local[]
  readonly #shifted: Local
  readonly #sum: Local
  readonly #half: Local
  readonly #zero: Local

  constructor(writer: FunctionWriter, ring: readonly Local[]) {
    this.#writer = writer
    this.#ring = ring
    this.#shifted = writer.v128()
    this.#sum = writer.v128()
    this.#half = writer.v128()
    // Never set: locals start as zero.
    this.#zero = writer.v128()
  }

  /** Words 0 to 15: `last`, which is in memory and in these locals, and `initial`. */
  begin(last: readonly Local[]): void {
    const writer = this.#writer
    // One word at a time: a vector load right behind narrower stores would wait, and step 0 needs
    // word 0 at once.
    last.forEach((word, index) => {
      writer.constant(0).get(word).constant(at(ROUND_CONSTANTS, index)).add()
      writer.store(STRETCH_MEMORY.block1 + 4 * index)
    })
    const { last: first, initial } = STRETCH_MEMORY
    ;[first, first + 16, initial, initial + 16].forEach((address, index) =>
      writer.constant(0).vectorLoad(address).set(at(this.#ring, index)),
    )
  }

  /**
   * Computes words `word` to `word + 3` (further by `offset` bytes) and stores them with their
   * round constants.
   */
  advance(word: number, offset: Local): void {
    const writer = this.#writer
    const aged = (age: number) => at(this.#ring, (word / 4 + age) & 3)
    const [w16, w12, w8, w4] = [aged(0), aged(1), aged(2), aged(3)]
    writer.get(offset)
    writer.get(w16).get(w12).vectorShuffle(BYTES_FROM_WORD_1).set(this.#shifted)
    writer.get(w16)
    pushSmallSigma(writer, this.#shifted, 7, 18, 3)
    writer.vectorAdd()
    writer.get(w8).get(w4).vectorShuffle(BYTES_FROM_WORD_1).vectorAdd().set(this.#sum)
    // The last two words need sigma1 of the first two, so it is done in halves, on words doubled to
    // 64 bits.
    writer.get(w4).get(w4).vectorShuffle(WORDS_2_2_3_3).set(this.#half)
    pushSmallSigma1OfDoubled(writer, this.#half)
    writer.get(this.#zero).vectorShuffle(WORDS_0_2_THEN_SECOND)
    writer.get(this.#sum).vectorAdd().set(this.#sum)
    writer.get(this.#sum).get(this.#sum).vectorShuffle(WORDS_0_0_1_1).set(this.#half)
    writer.get(this.#zero)
    pushSmallSigma1OfDoubled(writer, this.#half)
    writer.vectorShuffle(FIRST_THEN_WORDS_0_2).get(this.#sum).vectorAdd().tee(w16)
    writer
      .get(offset)
      .vectorLoad(STRETCH_MEMORY.constants + 4 * word)
      .vectorAdd()
    writer.vectorStore(STRETCH_MEMORY.block1 + 4 * word)
  }
}

/**
 * The second block's schedule for the counters count to count + 3, stored with the round constants.
 */
function scheduleBlock2(
  writer: FunctionWriter,
  ring: readonly Local[],
  { count, offset }: { count: Local; offset: Local },
): void {
  const { salt, constantLanes, block2 } = STRETCH_MEMORY
  const storeWord = (word: number) => {
    writer.get(offset).get(at(ring, word & 15))
    writer
      .get(offset)
      .vectorLoad(constantLanes + 16 * word)
      .vectorAdd()
    writer.vectorStore(block2 + 16 * word)
  }
  for (let word = 0; word < 4; word++) {
    writer
      .constant(0)
      .vectorLoadSplat(salt + 4 * word)
      .set(at(ring, word))
  }
  const counter = at(ring, 4)
  writer.get(count).vectorSplat().vectorConstant([0, 1, 2, 3]).vectorAdd().set(counter)
  // The counter is little-endian in a big-endian message.
  writer.get(counter).get(counter).vectorShuffle(BYTES_SWAPPED).set(counter)
  BLOCK2_TAIL.forEach((word, index) =>
    writer.vectorConstant([word, word, word, word]).set(at(ring, 5 + index)),
  )
  writer.constant(0).set(offset)
  storeWord(4)
  writer.loop()
  for (let word = 16; word < 32; word++) {
    const current = at(ring, word & 15)
    writer.get(current)
    pushSmallSigma(writer, at(ring, (word - 15) & 15), 7, 18, 3)
    writer
      .vectorAdd()
      .get(at(ring, (word - 7) & 15))
      .vectorAdd()
    pushSmallSigma(writer, at(ring, (word - 2) & 15), 17, 19, 10)
    writer.vectorAdd().set(current)
    storeWord(word)
  }
  repeatUntil(writer, offset, { step: 16 * 16, end: 16 * 48 })
}

/** Pushes rotr(x, first) ^ rotr(x, second) ^ (x >>> shift) of each lane. */
function pushSmallSigma(
  writer: FunctionWriter,
  x: Local,
  ...[first, second, shift]: [number, number, number]
): void {
  for (const bits of [first, second]) {
    writer
      .get(x)
      .vectorShiftRight(bits)
      .get(x)
      .vectorShiftLeft(32 - bits)
      .vectorOr()
  }
  writer.vectorXor().get(x).vectorShiftRight(shift).vectorXor()
}

/**
 * Pushes sigma1 of words 0 and 2, where words 1 and 3 repeat them: a 64-bit shift is then a
 * rotation.
 */
function pushSmallSigma1OfDoubled(writer: FunctionWriter, x: Local): void {
  writer.get(x).vectorShiftRight64(17).get(x).vectorShiftRight64(19).vectorXor()
  writer.get(x).vectorShiftRight(10).vectorXor()
}

/** Adds `step` to the local and repeats the innermost loop until it is `end`. */
function repeatUntil(
  writer: FunctionWriter,
  local: Local,
  { step, end }: { step: number; end: number },
): void {
  writer.get(local).constant(step).add().tee(local).constant(end).repeatUnlessEqual()
}

function storeWords(writer: FunctionWriter, words: readonly Local[]): void {
  words.forEach((word, index) =>
    writer
      .constant(0)
      .get(word)
      .store(STRETCH_MEMORY.last + 4 * index),
  )
}

function at<T>(list: readonly T[], index: number): T {
  const value = list[index]
  if (value === undefined) throw new RangeError(`no item ${index}`)
  return value
}
