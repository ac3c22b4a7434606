import { Buffer } from 'node:buffer'

import { assert, asyncProperty, integer, uint8Array } from 'fast-check'
import { describe, expect, it } from 'vitest'

import { openSslEngine, stretchEngine, wasmEngine } from './stretch-engine.ts'
import type { StretchEngine } from './stretch-engine.ts'
import { runStretch } from './stretch-thread.ts'

interface Input {
  readonly initial: Uint8Array
  readonly salt: Uint8Array
}

/**
 * A recovery password protector that Windows made, and the self test over counting
 * bytes.
 */
const WINDOWS: Input = {
  initial: bytes('fdd303817e456f7a4b64a7063ae00be752a46841e57da98caf8522f136cb3411'),
  salt: bytes('2ba080989af9b50c203aaebd0b40d498'),
}
const COUNTING: Input = {
  initial: Uint8Array.from({ length: 32 }, (_, at) => at),
  salt: Uint8Array.from({ length: 16 }, (_, at) => at),
}

const wasm = wasmEngine()!

async function after(rounds: number, input: Input, engine: StretchEngine): Promise<string> {
  return Buffer.from(await runStretch({ ...input, rounds, engine }, {})).toString('hex')
}

describe.each([
  ['WebAssembly', wasm],
  ['OpenSSL', openSslEngine],
])('the engine on %s', (_name, engine) => {
  it('stretches as Windows does', async () => {
    expect(await after(0x100000, WINDOWS, engine)).toBe(
      '1a39f926dab83e947fa85125b91e556e9ecc2bc5968924e03de234878d1fd4bd',
    )
  })

  it('passes the self test', async () => {
    expect(await after(0x100000, COUNTING, engine)).toBe(
      'db5949eb075b883e81cc84d3b4e4bfec54f2fbe9850dfabfe584e675d6d4ddd0',
    )
  })
})

it.each([
  [1, '6882fbdeb43b35f551e871a19eef17a993650f802d5ce87ed78d990c5b8af9f8'],
  [2, 'b1b3c9bd2f17c076ce92fe5c1082505c5c93415c9fa7d0cc0d00770dd8e29733'],
])('the engine on OpenSSL has the known state after %i rounds', async (rounds, state) => {
  expect(await after(rounds, WINDOWS, openSslEngine)).toBe(state)
})

it('both engines agree on any input and number of rounds', async () => {
  const fixed = (length: number) => uint8Array({ minLength: length, maxLength: length })
  const rounds = integer({ min: 1, max: 300 })
  await assert(
    asyncProperty(fixed(32), fixed(16), rounds, async (initial, salt, four) => {
      const input = { initial, salt }
      const ours = await after(4 * four, input, wasm)
      expect(ours).toBe(await after(4 * four, input, openSslEngine))
    }),
    { numRuns: process.env['SLOW'] === '1' ? 5000 : 100 },
  )
})

it('WebAssembly is the first choice', () => {
  expect(stretchEngine().module).toBeDefined()
})

function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'))
}
