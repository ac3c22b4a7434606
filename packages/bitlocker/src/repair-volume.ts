import { VolumeError } from './volume-error.ts'
import type { VolumeStorage } from './volume-storage.ts'

export interface RepairReport {
  /** Volume offset of the copy that the others are made from. */
  readonly source: number
  /** The copies that were (in a dry run: would be) rewritten; empty when all is well. */
  readonly rewritten: readonly { readonly offset: number; readonly problem: string }[]
}

/** Makes the three metadata copies alike again; needs no key. */
export async function repairVolume(
  _storage: VolumeStorage,
  _options: { readonly dryRun?: boolean | undefined } = {},
): Promise<RepairReport> {
  throw new VolumeError('VOLUME_STATE', 'Not written yet')
}
