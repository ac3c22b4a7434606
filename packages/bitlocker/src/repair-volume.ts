/**
 * Brings damaged or stale metadata copies back in line (docs/spec/fve-metadata.md, "Repair").
 * Invariant: the source is the copy that readMetadata trusts most, where the volume is unlocked the
 * first authentic one; never a mixture.
 */
import { commitRegion, WRITE_ORDER } from './commit-region.ts'
import { equalBytes } from './little-endian.ts'
import type { MetadataCopy } from './metadata-copy.ts'
import { readMetadata } from './read-volume.ts'
import type { VolumeMetadata } from './read-volume.ts'
import type { UnlockedVolume } from './unlocked-volume.ts'
import { authenticCopy } from './validation.ts'
import type { VolumeStorage } from './volume-storage.ts'
import { requireProtected, requireWritable } from './writable-metadata.ts'

export interface RepairReport {
  /** Volume offset of the copy that the others are made from. */
  readonly source: number
  /** The copies that were (in a dry run: would be) rewritten; empty when all is well. */
  readonly rewritten: readonly { readonly offset: number; readonly problem: string }[]
}

/**
 * Makes the three metadata copies alike again, from the one that counts; needs no key. Idempotent,
 * and safe to interrupt. A dry run only reports. Throws VolumeError: what readVolume throws
 * (VOLUME_DAMAGED when no copy is left), VOLUME_STATE, VOLUME_IO, VOLUME_WRITE_UNVERIFIED.
 */
export async function repairVolume(
  storage: VolumeStorage,
  options: { readonly dryRun?: boolean | undefined } = {},
): Promise<RepairReport> {
  const metadata = await readMetadata(storage)
  const [source] = metadata.valid
  requireWritable(metadata.boot, source, storage.size)
  const rewritten = differing(metadata, source)
  if (options.dryRun !== true && rewritten.length > 0) {
    await commitRegion(storage, metadata.boot, source.region)
  }
  return { source: source.offset, rewritten }
}

/**
 * What every change of an unlocked volume starts from: checked, repaired, and all three copies
 * alike.
 */
export interface ChangeableMetadata {
  readonly source: MetadataCopy
  readonly boot: VolumeMetadata['boot']
  /**
   * The largest of all valid copies, so that no counter of an abandoned generation is used again.
   */
  readonly nextNonceCounter: number
}

/**
 * Checks that the volume may be changed, and repairs it. Throws VolumeError; then nothing has been
 * written.
 */
export async function prepareChange(
  storage: VolumeStorage,
  unlocked: UnlockedVolume,
): Promise<ChangeableMetadata> {
  const metadata = await readMetadata(storage)
  const source = authenticCopy(metadata, unlocked)
  requireWritable(metadata.boot, source, storage.size)
  requireProtected(source)
  if (differing(metadata, source).length > 0) {
    await commitRegion(storage, metadata.boot, source.region)
  }
  return {
    source,
    boot: metadata.boot,
    nextNonceCounter: Math.max(...metadata.valid.map((copy) => copy.nextNonceCounter)),
  }
}

function differing(
  metadata: VolumeMetadata,
  source: MetadataCopy,
): { offset: number; problem: string }[] {
  return WRITE_ORDER.flatMap((index) => {
    const copy = metadata.copies[index]
    if (!copy || copy === source) return []
    const { offset } = copy
    if ('problem' in copy) return [{ offset, problem: copy.problem }]
    if (equalBytes(copy.region, source.region)) return []
    return [{ offset, problem: `it differs from copy ${source.index}` }]
  })
}
