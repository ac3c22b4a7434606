/**
 * The first phase of a rotation: a new recovery password beside the old ones
 * (docs/spec/fve-metadata.md, "Rotating"). Invariants: every old protector stays, byte for byte;
 * the new password has opened the volume through the written bytes before it is handed out.
 */
import { randomUUID } from 'node:crypto'

import { commitRegion } from './commit-region.ts'
import type { WorkOptions } from './credential.ts'
import { DATUM_ROLE } from './datum.ts'
import type { Datum } from './datum.ts'
import { encodeRecoveryPasswordProtector } from './encode-protector.ts'
import { encodeRegion } from './encode-region.ts'
import { isGuid } from './guid.ts'
import { BITLOCKER_LIMITS } from './limits.ts'
import { isProtector } from './metadata-copy.ts'
import { NonceSource } from './nonce-source.ts'
import { parseProtector } from './protector.ts'
import type { RecoveryPassword } from './read-recovery-passwords.ts'
import { generateRecoveryKey } from './recovery-password.ts'
import { prepareChange } from './repair-volume.ts'
import { unlockVolume } from './unlock-volume.ts'
import { UnlockedVolume } from './unlocked-volume.ts'
import { latestNonceOf } from './validation.ts'
import { VolumeError } from './volume-error.ts'
import type { VolumeStorage } from './volume-storage.ts'

export interface AddRecoveryPasswordOptions extends WorkOptions {
  /** GUID of the new protector; random by default. */
  readonly protectorId?: string | undefined
  /** 16 bytes; random by default. It stays the caller's. */
  readonly recoveryKey?: Uint8Array | undefined
}

/**
 * Adds a recovery password protector and returns it once the volume has been opened with it; costs
 * two stretches. `signal` is heeded until the first write. Repairs stale copies first. Not
 * idempotent: a second call with the same `protectorId` is refused. Throws VolumeError:
 * PROTECTOR_EXISTS, VOLUME_STATE, VOLUME_SUSPENDED, VOLUME_CHANGED, VOLUME_NOT_AUTHENTIC,
 * VOLUME_METADATA_FULL, VOLUME_IO, VOLUME_WRITE_UNVERIFIED. After any failure the old passwords
 * still open the volume; whether the new one does, the volume itself tells.
 */
export async function addRecoveryPassword(
  storage: VolumeStorage,
  unlocked: UnlockedVolume,
  options: AddRecoveryPasswordOptions = {},
): Promise<RecoveryPassword> {
  const masterKey = UnlockedVolume.masterKeyOf(unlocked)
  const { source, boot, nextNonceCounter } = await prepareChange(storage, unlocked)
  const added = newRecoveryPassword(options, source.datums)
  const nonces = new NonceSource({
    counter: nextNonceCounter,
    laterThan: latestNonceOf(source),
  })
  const wrapping = { masterKey, nonces }
  const entry = await encodeRecoveryPasswordProtector(added, wrapping, options)
  options.signal?.throwIfAborted()
  const region = encodeRegion(source.region, withEntry(source.datums, entry), wrapping)
  await commitRegion(storage, boot, region)
  using proof = await unlockVolume(
    storage,
    { type: 'recoveryPassword', recoveryKey: added.recoveryKey },
    { protectorId: added.protectorId },
  )
  if (!proof) {
    throw new VolumeError(
      'VOLUME_WRITE_UNVERIFIED',
      'The new recovery password does not open the volume; the old ones are untouched',
    )
  }
  return added
}

function newRecoveryPassword(
  options: AddRecoveryPasswordOptions,
  datums: readonly Datum[],
): RecoveryPassword {
  const protectorId = options.protectorId ?? randomUUID()
  if (!isGuid(protectorId)) {
    throw new VolumeError('VOLUME_OPTION', 'An ID must be a lower-case GUID without braces')
  }
  const protectors = datums.filter(isProtector)
  if (protectors.some((datum) => parseProtector(datum).id === protectorId)) {
    throw new VolumeError('PROTECTOR_EXISTS', 'A protector with this ID is on the volume already')
  }
  if (protectors.length >= BITLOCKER_LIMITS.protectorsPerVolume) {
    throw new VolumeError(
      'VOLUME_METADATA_FULL',
      `The volume has ${BITLOCKER_LIMITS.protectorsPerVolume} protectors`,
    )
  }
  return { protectorId, recoveryKey: (options.recoveryKey ?? generateRecoveryKey()).slice() }
}

/** Where Windows puts a new protector: behind everything but a virtualization datum at the end. */
function withEntry(datums: readonly Datum[], entry: Uint8Array): Uint8Array[] {
  const all = datums.map(({ bytes }) => bytes)
  const last = datums.at(-1)
  const at = last?.role === DATUM_ROLE.virtualization ? all.length - 1 : all.length
  return all.toSpliced(at, 0, entry)
}
