/**
 * Every state that a crash can leave behind, from the log of a MemoryStorage. Assumption of the
 * format reference: one sector write is atomic; between two syncs any subset of the sectors may
 * have reached the disk. Torn states break that assumption on purpose: the first 200 bytes of one
 * more sector.
 */
import type { MemoryStorage } from './memory-storage.ts'

export interface CrashState {
  readonly name: string
  readonly bytes: Uint8Array
  /** One sector is half written. */
  readonly torn: boolean
}

const TORN_BYTES = 200
/**
 * Up to this many sectors between two syncs, every subset; beyond, every prefix and every single
 * one.
 */
const ALL_SUBSETS_UP_TO = 4

interface SectorWrite {
  readonly offset: number
  readonly bytes: Uint8Array
}

/** Applies the log to `before` and yields the state after every crash, the complete one last. */
export function* crashStates(
  before: Uint8Array,
  log: MemoryStorage['log'],
  sectorSize: number,
): Generator<CrashState> {
  const durable = before.slice()
  for (const [number, epoch] of epochs(log, sectorSize).entries()) {
    for (const chosen of subsets(epoch.length)) {
      // Each state is a copy of its own: whoever judges it may repair it in place.
      const state = () => {
        const bytes = durable.slice()
        for (const index of chosen) apply(bytes, epoch[index])
        return bytes
      }
      const name = `epoch ${number}, sectors [${chosen.join()}]`
      yield { name, bytes: state(), torn: false }
      const next = epoch[chosen.length]
      if (!next || chosen.some((index, position) => index !== position)) continue
      const bytes = state()
      apply(bytes, { offset: next.offset, bytes: next.bytes.subarray(0, TORN_BYTES) })
      yield { name: `${name}, the next one torn`, bytes, torn: true }
    }
    for (const write of epoch) apply(durable, write)
  }
  yield { name: 'complete', bytes: durable, torn: false }
}

function apply(bytes: Uint8Array, write: SectorWrite | undefined): void {
  if (write) bytes.set(write.bytes, write.offset)
}

/** The writes between two syncs, cut into sectors. */
function epochs(log: MemoryStorage['log'], sectorSize: number): SectorWrite[][] {
  const all: SectorWrite[][] = [[]]
  for (const event of log) {
    if (event === 'sync') {
      all.push([])
      continue
    }
    for (let at = 0; at < event.bytes.length; at += sectorSize) {
      const bytes = event.bytes.subarray(at, at + sectorSize)
      all.at(-1)?.push({ offset: event.offset + at, bytes })
    }
  }
  return all.filter((epoch) => epoch.length > 0)
}

function subsets(count: number): number[][] {
  const indexes = Array.from({ length: count }, (_, index) => index)
  if (count > ALL_SUBSETS_UP_TO) {
    const prefixes = indexes.map((length) => indexes.slice(0, length))
    return [...prefixes, ...indexes.map((index) => [index])]
  }
  const masks = Array.from({ length: 2 ** count - 1 }, (_, mask) => mask)
  return masks.map((mask) => indexes.filter((index) => (mask >> index) & 1))
}
