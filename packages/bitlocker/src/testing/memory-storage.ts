/** A volume in memory for tests: counts reads and writes, and keeps what was written in order. */
import type { VolumeStorage } from '../volume-storage.ts'

export class MemoryStorage implements VolumeStorage {
  readonly bytes: Uint8Array
  /** Every write and sync since the start. */
  readonly log: ({ offset: number; bytes: Uint8Array } | 'sync')[] = []
  reads = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get size(): number {
    return this.bytes.length
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    this.reads++
    return this.bytes.slice(offset, offset + length)
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    if (offset + bytes.length > this.size) throw new RangeError('write beyond the end')
    this.log.push({ offset, bytes: bytes.slice() })
    this.bytes.set(bytes, offset)
  }

  async sync(): Promise<void> {
    this.log.push('sync')
  }
}
