/**
 * Nonces for wrapped keys (docs/spec/fve-metadata.md, "Nonces"): the time of the operation and the
 * metadata's own counter, one step per encryption. Invariant: a (time, counter) pair never repeats
 * under one key: the counter only grows, and the time is later than every nonce time that the
 * metadata holds, whatever the clock says.
 */
import { randomInt } from 'node:crypto'

import { nonceTime } from './aes-ccm.ts'
import type { Nonce } from './aes-ccm.ts'
import { DATUM_TYPE, NESTED_AT, nestedDatums } from './datum.ts'
import type { Datum } from './datum.ts'
import { filetimeFromDate } from './filetime.ts'
import { VolumeError } from './volume-error.ts'

const TICKS_PER_MILLISECOND = 10_000
const MAX_COUNTER = 0xffff_ffff

export class NonceSource {
  /** FILETIME of the operation. */
  readonly time: bigint
  #counter: number

  constructor(start: { counter: number; laterThan?: bigint }) {
    // The clock gives milliseconds; the ticks below keep apart what a clock that is set back would
    // bring together.
    const now = filetimeFromDate(new Date()) + BigInt(randomInt(TICKS_PER_MILLISECOND))
    const earliest = (start.laterThan ?? 0n) + 1n
    this.time = now > earliest ? now : earliest
    this.#counter = start.counter
  }

  /** What the metadata's "next nonce counter" must say. */
  get counter(): number {
    return this.#counter
  }

  next(): Nonce {
    if (this.#counter >= MAX_COUNTER) {
      throw new VolumeError('VOLUME_METADATA_FULL', 'The nonce counter of this volume is used up')
    }
    return { time: this.time, counter: this.#counter++ }
  }
}

/** The latest nonce time among these datums and everything nested in them. */
export function latestNonceTime(datums: readonly Datum[]): bigint {
  let latest = 0n
  for (const datum of flattened(datums)) {
    if (datum.type !== DATUM_TYPE.aesCcm || datum.bytes.length < 20) continue
    const time = nonceTime(datum)
    if (time > latest) latest = time
  }
  return latest
}

/** Three levels are all that the format has: protector, stretch or use key, wrapped key. */
function flattened(datums: readonly Datum[]): Datum[] {
  const inside = (level: readonly Datum[]) => level.flatMap((datum) => childrenOf(datum))
  const second = inside(datums)
  return [...datums, ...second, ...inside(second)]
}

/**
 * What this program cannot read inside a protector holds no nonce that it could repeat: the counter
 * grows anyway.
 */
function childrenOf(datum: Datum): Datum[] {
  const fixed = new Map<number, number>([
    [DATUM_TYPE.protector, NESTED_AT.protector],
    [DATUM_TYPE.stretchKey, NESTED_AT.stretchKey],
    [DATUM_TYPE.useKey, NESTED_AT.useKey],
  ]).get(datum.type)
  if (fixed === undefined) return []
  try {
    return nestedDatums(datum, fixed)
  } catch (error) {
    if (error instanceof VolumeError) return []
    throw error
  }
}
