/**
 * A large volume in a test that holds only the parts that matter; the rest reads as zeros. Counts
 * what is read.
 */
import type { VolumeStorage } from '../volume-storage.ts'

export interface SparsePart {
  readonly offset: number
  readonly bytes: Uint8Array
}

export class SparseStorage implements VolumeStorage {
  readonly size: number
  bytesRead = 0
  readonly #parts: readonly SparsePart[]

  constructor(size: number, parts: readonly SparsePart[]) {
    this.size = size
    this.#parts = parts
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length)
    this.bytesRead += length
    for (const part of this.#parts) {
      const start = Math.max(offset, part.offset)
      const end = Math.min(offset + length, part.offset + part.bytes.length)
      if (start >= end) continue
      bytes.set(part.bytes.subarray(start - part.offset, end - part.offset), start - offset)
    }
    return bytes
  }

  async write(): Promise<void> {
    throw new Error('a sparse volume is only read')
  }

  async sync(): Promise<void> {}
}
