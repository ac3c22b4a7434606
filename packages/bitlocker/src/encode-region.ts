/**
 * One generation of the metadata as the 65,536 bytes that all three copies hold
 * (docs/spec/fve-metadata.md, "Metadata copy"). Invariants: everything in the first 112 bytes that
 * is not a size or the nonce counter is kept as given; checksum and protected hash are made last,
 * over the finished block; what lies behind them is zero, so that nothing of a removed protector
 * stays there.
 */
import { crc32 } from 'node:zlib'

import { sealKey } from './aes-ccm.ts'
import { KEY_TYPE } from './key-datum.ts'
import { concatBytes, writeU16, writeU32 } from './little-endian.ts'
import {
  DATASET_AT,
  DATASET_HEADER,
  MAX_BLOCK_SIZE,
  METADATA_REGION_SIZE,
} from './metadata-copy.ts'
import type { NonceSource } from './nonce-source.ts'
import { hashBlock } from './validation.ts'
import { VolumeError } from './volume-error.ts'

const VALIDATION_VERSION = 2

/** `header` is the block's first 112 bytes; sizes and counter in it are replaced. */
export function encodeRegion(
  header: Uint8Array,
  datums: readonly Uint8Array[],
  { masterKey, nonces }: { masterKey: Uint8Array; nonces: NonceSource },
): Uint8Array {
  const entries = concatBytes(...datums)
  const datasetSize = DATASET_HEADER + entries.length
  const blockSize = 16 * Math.ceil((DATASET_AT + datasetSize) / 16)
  if (blockSize > MAX_BLOCK_SIZE) {
    throw new VolumeError('VOLUME_METADATA_FULL', 'The metadata has no room for another protector')
  }
  // The validation datum takes the last counter, and the stored one must be the next: draw before
  // hashing.
  const validationNonce = nonces.next()
  const region = new Uint8Array(METADATA_REGION_SIZE)
  region.set(header.subarray(0, DATASET_AT + DATASET_HEADER))
  region.set(entries, DATASET_AT + DATASET_HEADER)
  writeU16(region, 8, blockSize / 16)
  writeU32(region, DATASET_AT, datasetSize)
  writeU32(region, DATASET_AT + 12, datasetSize)
  writeU32(region, DATASET_AT + 32, nonces.counter)
  const block = region.subarray(0, blockSize)
  writeU16(region, blockSize, METADATA_REGION_SIZE - blockSize)
  writeU16(region, blockSize + 2, VALIDATION_VERSION)
  writeU32(region, blockSize + 4, crc32(block))
  const hash = sealKey(
    { keyType: KEY_TYPE.blockHash, key: hashBlock(block) },
    masterKey,
    validationNonce,
  )
  region.set(hash, blockSize + 8)
  return region
}
