/**
 * `keydesk volume repair`: makes the three metadata copies alike again. Needs no key, and may be
 * repeated. Invariant: with --dry-run the volume is opened for reading only.
 */
import { repairVolume } from '@keydesk/bitlocker/volume'
import type { RepairReport } from '@keydesk/bitlocker/volume'

import { interruption } from '../interruption.ts'
import { print, printJson } from '../print.ts'
import { openTarget } from './open-target.ts'
import type { TargetOptions } from './open-target.ts'

export interface RepairOptions extends TargetOptions {
  readonly dryRun?: boolean
  readonly json?: boolean
}

export async function repair(image: string, options: RepairOptions): Promise<number> {
  const { dryRun = false, json = false } = options
  // From here on a signal waits until what is written is complete: it takes milliseconds.
  interruption()
  await using file = await openTarget(image, dryRun ? 'read' : 'write', options)
  const { source, rewritten } = await repairVolume(file, { dryRun })
  await (json
    ? printJson({ source, rewritten, dryRun })
    : print(asText({ source, rewritten }, dryRun)))
  return 0
}

function asText({ source, rewritten }: RepairReport, dryRun: boolean): string {
  if (rewritten.length === 0) return 'Nothing to repair: the three metadata copies are alike.\n'
  const what = dryRun ? 'Would rewrite' : 'Rewrote'
  const lines = rewritten.map(({ offset, problem }) => `  copy at ${offset}: ${problem}\n`)
  const end = dryRun ? 'Nothing was changed.\n' : ''
  return `${what} from the good copy at ${source}:\n${lines.join('')}${end}`
}
