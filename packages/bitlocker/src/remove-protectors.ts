/**
 * The second phase of a rotation: removes replaced recovery passwords (docs/spec/fve-metadata.md,
 * "Rotating"). Invariants: only recovery passwords go; one that has just been shown to open the
 * volume stays; nothing of a removed protector is left in any copy.
 */
import { commitRegion } from './commit-region.ts'
import type { WorkOptions } from './credential.ts'
import type { Datum } from './datum.ts'
import { encodeRegion } from './encode-region.ts'
import { equalBytes } from './little-endian.ts'
import { isProtector } from './metadata-copy.ts'
import { NonceSource } from './nonce-source.ts'
import { openWithPassword, storedRecoveryKey } from './open-protector.ts'
import { PasswordStretcher, recoveryKeyInitial } from './password-key.ts'
import { parseProtector } from './protector.ts'
import { prepareChange } from './repair-volume.ts'
import { UnlockedVolume } from './unlocked-volume.ts'
import { latestNonceOf } from './validation.ts'
import { VolumeError } from './volume-error.ts'
import type { VolumeStorage } from './volume-storage.ts'

/**
 * Removes recovery password protectors in one change. At least one other recovery password must
 * remain, and is tried first (one stretch). `signal` is heeded until the first write. Repairs stale
 * copies first. Not idempotent: IDs that are not on the volume are refused. Throws VolumeError:
 * PROTECTOR_NOT_FOUND, PROTECTOR_KEPT, VOLUME_STATE, VOLUME_SUSPENDED, VOLUME_CHANGED,
 * VOLUME_NOT_AUTHENTIC, VOLUME_IO, VOLUME_WRITE_UNVERIFIED.
 */
export async function removeProtectors(
  storage: VolumeStorage,
  unlocked: UnlockedVolume,
  protectorIds: readonly string[],
  options: WorkOptions = {},
): Promise<void> {
  const masterKey = UnlockedVolume.masterKeyOf(unlocked)
  const { source, boot, nextNonceCounter } = await prepareChange(storage, unlocked)
  const wanted = new Set(protectorIds)
  requireRemovable(source.datums, wanted)
  const kept = source.datums.filter((datum) => !isOneOf(datum, wanted))
  await requireWorkingPassword(kept, masterKey, options)
  options.signal?.throwIfAborted()
  const nonces = new NonceSource({
    counter: nextNonceCounter,
    laterThan: latestNonceOf(source),
  })
  const region = encodeRegion(
    source.region,
    kept.map(({ bytes }) => bytes),
    { masterKey, nonces },
  )
  await commitRegion(storage, boot, region)
}

function isOneOf(datum: Datum, ids: ReadonlySet<string>): boolean {
  return isProtector(datum) && ids.has(parseProtector(datum).id)
}

function requireRemovable(datums: readonly Datum[], wanted: ReadonlySet<string>): void {
  const protectors = datums.filter(isProtector).map(parseProtector)
  for (const id of wanted) {
    const named = protectors.filter((protector) => protector.id === id)
    if (named.length === 0) {
      throw new VolumeError('PROTECTOR_NOT_FOUND', `The volume has no protector ${id}`)
    }
    if (named.some(({ type }) => type !== 'recoveryPassword')) {
      throw new VolumeError(
        'PROTECTOR_KEPT',
        `Protector ${id} is not a recovery password: it stays`,
      )
    }
  }
  if (wanted.size === 0) {
    throw new VolumeError('PROTECTOR_NOT_FOUND', 'No protector to remove is named')
  }
}

/** Some recovery password that stays must open the volume now, not only be listed. */
async function requireWorkingPassword(
  kept: readonly Datum[],
  masterKey: Uint8Array,
  options: WorkOptions,
): Promise<void> {
  // The newest first: it is the one that a rotation has just added.
  for (const datum of kept.filter(isProtector).toReversed()) {
    if (parseProtector(datum).type !== 'recoveryPassword') continue
    const recoveryKey = storedRecoveryKey(datum, masterKey)
    if (!recoveryKey) continue
    using stretcher = new PasswordStretcher(recoveryKeyInitial(recoveryKey), options)
    recoveryKey.fill(0)
    const opened = await openWithPassword(datum, stretcher)
    const works = opened !== undefined && equalBytes(opened, masterKey)
    opened?.fill(0)
    if (works) return
  }
  throw new VolumeError(
    'PROTECTOR_KEPT',
    'No working recovery password would remain on the volume: add a new one first',
  )
}
