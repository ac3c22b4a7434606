/**
 * The validation area behind the block (docs/spec/fve-metadata.md, "Validation area"): CRC-32, and
 * the block's SHA-256 wrapped with the volume master key. Invariant: nothing in the metadata counts
 * as authentic before this check.
 */
import { createHash } from 'node:crypto'

import { openKey } from './aes-ccm.ts'
import { parseDatums } from './datum.ts'
import type { Datum } from './datum.ts'
import { KEY_TYPE } from './key-datum.ts'
import { equalBytes } from './little-endian.ts'
import { VALIDATION_SIZE } from './metadata-copy.ts'
import type { MetadataCopy } from './metadata-copy.ts'
import { latestNonceTime } from './nonce-source.ts'
import type { VolumeMetadata } from './read-volume.ts'
import { UnlockedVolume } from './unlocked-volume.ts'
import { VolumeError } from './volume-error.ts'

const VALIDATION_HEADER = 8

export function hashBlock(block: Uint8Array): Uint8Array {
  return createHash('sha256').update(block).digest()
}

/** Whether the copy was written by someone who had the volume master key, and not changed since. */
export function isAuthentic(copy: MetadataCopy, masterKey: Uint8Array): boolean {
  const datum = validationDatum(copy)
  const stored = datum && openKey(datum, masterKey, { keyType: KEY_TYPE.blockHash, length: 32 })
  return (
    stored !== undefined && equalBytes(stored, hashBlock(copy.region.subarray(0, copy.blockSize)))
  )
}

/**
 * The latest nonce time (FILETIME) of everything that is wrapped in a copy, its validation datum
 * included.
 */
export function latestNonceOf(copy: MetadataCopy): bigint {
  const validation = validationDatum(copy)
  return latestNonceTime(validation ? [...copy.datums, validation] : copy.datums)
}

function validationDatum({ region, blockSize }: MetadataCopy): Datum | undefined {
  try {
    return parseDatums(region, blockSize + VALIDATION_HEADER, blockSize + VALIDATION_SIZE)[0]
  } catch (error) {
    if (error instanceof VolumeError) return undefined
    throw error
  }
}

/**
 * The newest valid copy that is authentic. Throws VOLUME_CHANGED for another volume, else
 * VOLUME_NOT_AUTHENTIC.
 */
export function authenticCopy(metadata: VolumeMetadata, unlocked: UnlockedVolume): MetadataCopy {
  const masterKey = UnlockedVolume.masterKeyOf(unlocked)
  const own = metadata.valid.filter((copy) => copy.volumeId === unlocked.volumeId)
  if (own.length === 0) {
    throw new VolumeError('VOLUME_CHANGED', 'This is not the volume that was unlocked')
  }
  const copy = own.find((candidate) => isAuthentic(candidate, masterKey))
  if (!copy) throw notAuthentic()
  return copy
}

export function notAuthentic(): VolumeError {
  return new VolumeError(
    'VOLUME_NOT_AUTHENTIC',
    'The metadata of this volume was changed without its key, or is damaged: its ' +
      'protected hash does not match',
  )
}
