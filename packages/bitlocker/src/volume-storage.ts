/**
 * The bytes of one volume: a file, a block device, a part of either, or memory. Offsets count from
 * the volume's first byte. Invariant: everything that reads a volume goes through `readExactly`, so
 * no offset on the disk is trusted.
 */
import { VolumeError } from './volume-error.ts'

export interface VolumeStorage {
  /** Bytes. */
  readonly size: number
  /** Exactly `length` bytes from `offset`, in a buffer that the caller may keep and change. */
  read(offset: number, length: number): Promise<Uint8Array>
  /** Writes all of `bytes` at `offset`; durable only after `sync`. */
  write(offset: number, bytes: Uint8Array): Promise<void>
  /** Returns when everything written so far is on stable storage. */
  sync(): Promise<void>
}

/**
 * Reads within the volume's bounds, or throws VolumeError (VOLUME_DAMAGED outside them, VOLUME_IO
 * if reading fails).
 */
export async function readExactly(
  storage: VolumeStorage,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const inside = Number.isSafeInteger(offset) && offset >= 0 && offset + length <= storage.size
  if (!inside) {
    throw new VolumeError(
      'VOLUME_DAMAGED',
      `Bytes ${offset} to ${offset + length} lie outside the volume of ${storage.size} bytes`,
    )
  }
  const bytes = await ioFailure('read', () => storage.read(offset, length))
  if (bytes.length !== length) {
    throw new VolumeError('VOLUME_IO', `Only ${bytes.length} of ${length} bytes could be read`)
  }
  return bytes
}

/** Runs one storage call and turns whatever it throws into a VolumeError. */
export async function ioFailure<T>(verb: 'read' | 'write', call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    if (cause instanceof VolumeError) throw cause
    const why = cause instanceof Error ? cause.message : 'unknown reason'
    throw new VolumeError(
      'VOLUME_IO',
      `The volume cannot be ${verb === 'read' ? 'read' : 'written'}: ${why}`,
      {
        cause,
      },
    )
  }
}
