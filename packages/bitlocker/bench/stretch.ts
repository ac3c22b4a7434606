/**
 * `node packages/bitlocker/bench/stretch.ts [turns]`: ways to do the 2^20 rounds of the password
 * stretch, in one process, taking turns in slices so that a busy machine slows all of them alike.
 * What came of it: docs/adr/0003.
 */
import { Buffer } from 'node:buffer'
import { createHash, hash } from 'node:crypto'

import { openSslEngine, stretchEngine } from '../src/stretch-engine.ts'
import { webAssembly } from '../src/stretch-webassembly.ts'

const ROUNDS = 0x100000
const SLICES = 64
const DEFAULT_TURNS = 3

const INITIAL = Buffer.from(
  'fdd303817e456f7a4b64a7063ae00be752a46841e57da98caf8522f136cb3411',
  'hex',
)
const SALT = Buffer.from('2ba080989af9b50c203aaebd0b40d498', 'hex')
const EXPECTED = '1a39f926dab83e947fa85125b91e556e9ecc2bc5968924e03de234878d1fd4bd'

interface Variant {
  readonly name: string
  /** Does that many more rounds. */
  run(rounds: number): void
  /** Hexadecimal. */
  result(): string
}

/** One round on the 88-byte state. */
function onState(name: string, round: (state: Buffer) => void): Variant {
  const state = Buffer.from(openSslEngine.encodeState(INITIAL, SALT))
  let count = 0
  return {
    name,
    run(rounds) {
      for (let done = 0; done < rounds; done++) {
        round(state)
        count += 1
        state.writeUInt32LE(count, 80)
      }
    },
    result: () => state.toString('hex', 0, 32),
  }
}

function inWebAssembly(): Variant {
  const engine = stretchEngine()
  if (webAssembly === undefined || engine.module === undefined) throw new Error('no WebAssembly')
  const { memory, run } = new webAssembly.Instance(engine.module).exports
  new Uint8Array(memory.buffer).set(engine.encodeState(INITIAL, SALT))
  return {
    name: 'WebAssembly, generated, SIMD schedules (in use)',
    run(rounds) {
      for (let done = 0; done < rounds; done += 256) run(256)
    },
    result() {
      const words = new Uint8Array(memory.buffer).slice(0, 32)
      return Buffer.from(engine.decodeResult(words)).toString('hex')
    },
  }
}

function variants(): Variant[] {
  return [
    onState('crypto.createHash().update().digest()', (state) => {
      state.set(createHash('sha256').update(state).digest())
    }),
    onState("crypto.hash(…, 'buffer')", (state) => {
      state.set(hash('sha256', state, 'buffer'))
    }),
    onState("crypto.hash(…, 'hex')", (state) => {
      state.write(hash('sha256', state, 'hex'), 0, 'hex')
    }),
    onState("crypto.hash(…, 'binary') and write (fallback)", (state) => {
      state.write(hash('sha256', state, 'binary'), 0, 'binary')
    }),
    inWebAssembly(),
  ]
}

const turns = Number(process.argv[2] ?? DEFAULT_TURNS)
const times = new Map<string, number[]>()
for (let turn = 0; turn < turns; turn++) {
  const all = variants()
  const spent = new Map(all.map(({ name }) => [name, 0]))
  for (let slice = 0; slice < SLICES; slice++) {
    for (const variant of all) {
      const started = performance.now()
      variant.run(ROUNDS / SLICES)
      spent.set(variant.name, (spent.get(variant.name) ?? 0) + performance.now() - started)
    }
  }
  for (const variant of all) {
    const { name } = variant
    if (variant.result() !== EXPECTED) throw new Error(`${name} computes something else`)
    times.set(name, [...(times.get(name) ?? []), spent.get(name) ?? 0])
  }
}
console.table(
  [...times].map(([variant, all]) => ({
    variant,
    'median ms': Math.round(all.toSorted((a, b) => a - b)[all.length >> 1] ?? 0),
    'fastest ms': Math.round(Math.min(...all)),
  })),
)
