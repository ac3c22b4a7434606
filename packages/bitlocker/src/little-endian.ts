/**
 * Bounded little-endian access. Invariant: reading outside the bytes is a VolumeError, never a
 * RangeError, and a 64-bit number that a double cannot hold is one too.
 */
import { VolumeError } from './volume-error.ts'

export function readU16(bytes: Uint8Array, at: number): number {
  return viewOf(bytes, at, 2).getUint16(at, true)
}

export function readU32(bytes: Uint8Array, at: number): number {
  return viewOf(bytes, at, 4).getUint32(at, true)
}

export function readU64(bytes: Uint8Array, at: number): bigint {
  return viewOf(bytes, at, 8).getBigUint64(at, true)
}

/** A volume offset or size: a 64-bit number that must be exact as a JavaScript number. */
export function readOffset(bytes: Uint8Array, at: number): number {
  const value = readU64(bytes, at)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new VolumeError('VOLUME_DAMAGED', 'An offset on the disk is beyond any volume')
  }
  return Number(value)
}

export function writeU16(bytes: Uint8Array, at: number, value: number): void {
  viewOf(bytes, at, 2).setUint16(at, value, true)
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  viewOf(bytes, at, 4).setUint32(at, value, true)
}

export function writeU64(bytes: Uint8Array, at: number, value: number | bigint): void {
  viewOf(bytes, at, 8).setBigUint64(at, BigInt(value), true)
}

/** A copy of `length` bytes; throws VolumeError when they are not all there. */
export function take(bytes: Uint8Array, at: number, length: number): Uint8Array {
  viewOf(bytes, at, length)
  // Not `slice`: on the Buffers that node:crypto returns it would share memory that is about to be
  // wiped.
  return new Uint8Array(bytes.subarray(at, at + length))
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  // A loop, not `every`: whole metadata regions are compared, and a call for each byte takes ten
  // times as long.
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false
  return true
}

function viewOf(bytes: Uint8Array, at: number, length: number): DataView {
  if (!Number.isSafeInteger(at) || at < 0 || length < 0 || at + length > bytes.length) {
    throw new VolumeError('VOLUME_DAMAGED', 'A structure on the disk ends before its last field')
  }
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
