/**
 * `keydesk volume inspect`: what a volume says about itself, or every BitLocker partition of a
 * disk. Needs no key. Invariant: nothing here is authentic, since nothing was unlocked.
 */
import { findVolumes, openVolumeFile, readVolume, VolumeError } from '@keydesk/bitlocker/volume'
import type { FoundVolume, Volume, VolumeFile } from '@keydesk/bitlocker/volume'

import { print, printJson } from '../print.ts'
import { openTarget } from './open-target.ts'
import type { TargetOptions } from './open-target.ts'
import {
  METHOD_WORDS,
  minuteOf,
  printable,
  PROTECTOR_WORDS,
  screenId,
  sizeInWords,
  STATE_WORDS,
  table,
} from './words.ts'

export interface InspectOptions extends TargetOptions {
  readonly json?: boolean
}

export async function inspect(image: string, options: InspectOptions): Promise<number> {
  if (options.partition === undefined) {
    await using disk = await openVolumeFile(image, { access: 'read' })
    const volumes = await findVolumes(disk)
    if (volumes.some(({ scheme }) => scheme !== 'none')) {
      await showDisk(image, volumes, options)
      return 0
    }
  }
  await using file = await openTarget(image, 'read', options)
  const volume = await readVolume(file)
  await (options.json ? printJson(asJson(volume)) : print(asText(volume)))
  return 0
}

type Entry = { place: FoundVolume } & ({ volume: Volume } | { error: VolumeError })

async function showDisk(
  image: string,
  volumes: readonly FoundVolume[],
  { json }: InspectOptions,
): Promise<void> {
  const entries: Entry[] = []
  for (const place of volumes) {
    const { offset, size } = place
    await using file = await openVolumeFile(image, { access: 'read', offset, size })
    entries.push({ place, ...(await readOrError(file)) })
  }
  await (json
    ? printJson({ volumes: entries.map(entryAsJson) })
    : print(diskAsText(image, entries)))
}

/** One damaged partition must not hide the others. */
async function readOrError(file: VolumeFile): Promise<{ volume: Volume } | { error: VolumeError }> {
  try {
    return { volume: await readVolume(file) }
  } catch (error) {
    if (error instanceof VolumeError) return { error }
    throw error
  }
}

function entryAsJson(entry: Entry): object {
  const { offset, size } = entry.place
  if ('volume' in entry) return { offset, size, ...asJson(entry.volume) }
  const { code, message } = entry.error
  return { offset, size, error: { code, message } }
}

function asJson(volume: Volume): object {
  const { volumeId, encryptionMethod, state, description } = volume
  const metadata = volume.metadata.map(({ offset, valid }) => ({ offset, valid }))
  const protectors = volume.protectors.map(({ id, type, modifiedAt }) => ({
    id,
    type,
    modified: modifiedAt.toISOString(),
  }))
  return { volumeId, encryptionMethod, state, description, metadata, protectors }
}

function diskAsText(image: string, entries: readonly Entry[]): string {
  const count =
    entries.length === 1
      ? 'one BitLocker partition.'
      : `${entries.length} BitLocker partitions; other commands need --partition.`
  const parts = entries.map((entry, index) => {
    const body = 'volume' in entry ? asText(entry.volume) : `${entry.error.message}.\n`
    return `\nPartition ${index + 1} (${placeInWords(entry.place)})\n\n${body}`
  })
  return `${image} is a disk with ${count}\n${parts.join('')}`
}

/** Its own number in the table too, since that is how systems name it: sda3, disk0s3. */
function placeInWords({ scheme, partition, name = '', offset, size }: FoundVolume): string {
  const number = `number ${partition ?? '?'} of the ${scheme.toUpperCase()}`
  const title = name === '' ? '' : `, "${printable(name)}"`
  return `${number}${title}, ${sizeInWords(size)} from byte ${offset}`
}

function asText(volume: Volume): string {
  const facts = table([
    ['Volume ID', screenId(volume.volumeId)],
    ['Description', volume.description === '' ? '(none)' : printable(volume.description)],
    ['Encryption', `${METHOD_WORDS[volume.encryptionMethod]}, ${STATE_WORDS[volume.state]}`],
    ['Created', minuteOf(volume.createdAt)],
    ['Size', `${sizeInWords(volume.size)}, sectors of ${volume.sectorSize} bytes`],
  ])
  return `${facts}${protectorsAsText(volume)}${metadataAsText(volume)}`
}

function protectorsAsText({ protectors }: Volume): string {
  if (protectors.length === 0) return '\nNo protectors: nothing on the disk unlocks this volume.\n'
  const rows = protectors.map(({ id, type, modifiedAt }): [string, string] => [
    PROTECTOR_WORDS[type],
    `${screenId(id)}  ${minuteOf(modifiedAt)}`,
  ])
  const suspended = protectors.some(({ type }) => type === 'clearKey')
    ? '\nProtection is suspended: the clear key unlocks this volume without any password.\n'
    : ''
  const hint = protectors.some(({ type }) => type === 'recoveryPassword')
    ? ''
    : '\nThis volume has no recovery password.\n'
  return `\nProtectors\n${table(rows, '  ')}${suspended}${hint}`
}

function metadataAsText({ metadata }: Volume): string {
  const rows = metadata.map(({ offset, valid, problem }, index): [string, string] => {
    const verdict = problem === undefined ? 'good' : valid ? `stale: ${problem}` : problem
    return [`Copy ${index} at ${offset}`, verdict]
  })
  const needsRepair = metadata.some(({ problem }) => problem !== undefined)
  const hint = needsRepair ? '\n"keydesk volume repair" makes the copies alike again.\n' : ''
  return `\nMetadata\n${table(rows, '  ')}${hint}`
}
