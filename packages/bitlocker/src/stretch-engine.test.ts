import { Buffer } from 'node:buffer'

import { assert, integer, property, uint8Array } from 'fast-check'
import { describe, expect, it } from 'vitest'

import { createHashEngine, createStretchEngine, createWasmEngine } from './stretch-engine.ts'

/** Reference §6.3: a recovery password protector that Windows made, and a run over counting bytes. */
const WINDOWS = {
  initial: bytes('fdd303817e456f7a4b64a7063ae00be752a46841e57da98caf8522f136cb3411'),
  salt: bytes('2ba080989af9b50c203aaebd0b40d498'),
}
const COUNTING = {
  initial: Uint8Array.from({ length: 32 }, (_, at) => at),
  salt: Uint8Array.from({ length: 16 }, (_, at) => at),
}

const engines = [
  { name: 'wasm', create: () => createWasmEngine()! },
  { name: 'hash', create: createHashEngine },
]

describe.each(engines)('the $name engine', ({ create }) => {
  it('stretches as Windows does', () => {
    const engine = create()
    engine.start(WINDOWS.initial, WINDOWS.salt)
    engine.run(0x100000)
    expect(hex(engine.result())).toBe(
      '1a39f926dab83e947fa85125b91e556e9ecc2bc5968924e03de234878d1fd4bd',
    )
  })

  it('passes the self test, in slices, after another job', () => {
    const engine = create()
    engine.start(WINDOWS.initial, WINDOWS.salt)
    engine.run(4096)
    engine.start(COUNTING.initial, COUNTING.salt)
    for (let slice = 0; slice < 64; slice++) engine.run(16_384)
    expect(hex(engine.result())).toBe(
      'db5949eb075b883e81cc84d3b4e4bfec54f2fbe9850dfabfe584e675d6d4ddd0',
    )
  })

  it('returns a copy and keeps nothing when wiped', () => {
    const engine = create()
    engine.start(WINDOWS.initial, WINDOWS.salt)
    engine.run(4)
    const before = engine.result()
    engine.wipe()
    expect(hex(engine.result())).toBe('00'.repeat(32))
    expect(hex(before)).not.toBe('00'.repeat(32))
  })
})

describe('the hash engine', () => {
  it.each([
    [1, '6882fbdeb43b35f551e871a19eef17a993650f802d5ce87ed78d990c5b8af9f8'],
    [2, 'b1b3c9bd2f17c076ce92fe5c1082505c5c93415c9fa7d0cc0d00770dd8e29733'],
  ])('has the known state after %i rounds', (rounds, state) => {
    const engine = createHashEngine()
    engine.start(WINDOWS.initial, WINDOWS.salt)
    engine.run(rounds)
    expect(hex(engine.result())).toBe(state)
  })
})

describe('both engines', () => {
  it('agree on any input and any number of rounds', () => {
    const wasm = createWasmEngine()!
    const openssl = createHashEngine()
    const fixed = (length: number) => uint8Array({ minLength: length, maxLength: length })
    assert(
      property(fixed(32), fixed(16), integer({ min: 1, max: 200 }), (initial, salt, four) => {
        const results = [wasm, openssl].map((engine) => {
          engine.start(initial, salt)
          engine.run(4 * four)
          return hex(engine.result())
        })
        expect(results[0]).toBe(results[1])
      }),
      { numRuns: process.env['SLOW'] === '1' ? 5000 : 100 },
    )
  })

  it('have the WebAssembly one as first choice', () => {
    expect(createStretchEngine().run.toString()).toBe(createWasmEngine()!.run.toString())
  })

  it('refuses a number of rounds that does not fill the lanes', () => {
    expect(() => createWasmEngine()!.run(6)).toThrow('rounds must be a multiple of 4')
  })
})

function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'))
}

function hex(value: Uint8Array): string {
  return Buffer.from(value).toString('hex')
}
