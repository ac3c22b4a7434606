/**
 * Reads what a volume says about itself, without any key (docs/spec/fve-metadata.md, "Opening").
 * Invariants: hostile input ends in a VolumeError after at most four reads; which copy counts is
 * decided here and nowhere else.
 */
import { BOOT_SECTOR_SIZE, parseBootSector, vistaVolume } from './boot-sector.ts'
import type { BootSector } from './boot-sector.ts'
import { DATUM_ROLE, DATUM_TYPE, decodeString } from './datum.ts'
import { dateFromFiletime } from './filetime.ts'
import { equalBytes } from './little-endian.ts'
import {
  METADATA_REGION_SIZE,
  STATE_ENCRYPTED,
  isProtector,
  parseMetadataCopy,
} from './metadata-copy.ts'
import type { CopyIndex, MetadataCopy } from './metadata-copy.ts'
import { parseProtector } from './protector.ts'
import type { Protector } from './protector.ts'
import { VolumeError } from './volume-error.ts'
import type { VolumeErrorCode } from './volume-error.ts'
import { readExactly } from './volume-storage.ts'
import type { VolumeStorage } from './volume-storage.ts'

export type EncryptionMethod =
  | 'xts-aes-128'
  | 'xts-aes-256'
  | 'aes-cbc-128'
  | 'aes-cbc-256'
  | 'aes-cbc-128-diffuser'
  | 'aes-cbc-256-diffuser'
  | 'unknown'

export type VolumeState =
  | 'fullyEncrypted'
  | 'fullyDecrypted'
  | 'encryptionInProgress'
  | 'decryptionInProgress'
  | 'encryptionPaused'
  | 'decryptionPaused'
  | 'unknown'

export interface MetadataStatus {
  /** Volume offset. */
  readonly offset: number
  /** Checksum, structure and place are right: other software may use this copy. */
  readonly valid: boolean
  /** What is wrong: damaged, or valid but not like the copy that counts. */
  readonly problem?: string
}

export interface Volume {
  readonly volumeId: string
  readonly encryptionMethod: EncryptionMethod
  readonly state: VolumeState
  readonly description: string
  readonly createdAt: Date
  /** Bytes: 512 or 4096. */
  readonly sectorSize: number
  /** Bytes. */
  readonly size: number
  /** The three copies in order. */
  readonly metadata: readonly MetadataStatus[]
  /** In the order of the disk. */
  readonly protectors: readonly Protector[]
}

interface UnusableCopy {
  readonly index: CopyIndex
  readonly offset: number
  readonly problem: string
  readonly code: VolumeErrorCode
}

/** Sector 0 and the three copies, each parsed or with the reason why not. */
export interface VolumeMetadata {
  readonly boot: BootSector
  readonly copies: readonly (MetadataCopy | UnusableCopy)[]
  /** The valid copies, the one that counts first; never empty. */
  readonly valid: readonly [MetadataCopy, ...MetadataCopy[]]
}

const METHODS: ReadonlyMap<number, EncryptionMethod> = new Map([
  [0x8000, 'aes-cbc-128-diffuser'],
  [0x8001, 'aes-cbc-256-diffuser'],
  [0x8002, 'aes-cbc-128'],
  [0x8003, 'aes-cbc-256'],
  [0x8004, 'xts-aes-128'],
  [0x8005, 'xts-aes-256'],
])

/**
 * Reads sector 0 and the three metadata copies. Needs no key and changes nothing. Nothing that it
 * returns is authentic until a credential has been checked against it. Throws VolumeError.
 */
export async function readVolume(storage: VolumeStorage): Promise<Volume> {
  const metadata = await readMetadata(storage)
  const newest = metadata.valid[0]
  const description = newest.datums.find(
    (datum) => datum.role === DATUM_ROLE.description && datum.type === DATUM_TYPE.string,
  )
  return {
    volumeId: newest.volumeId,
    encryptionMethod: METHODS.get(newest.method) ?? 'unknown',
    state: stateOf(newest, metadata.boot.encryptOnWrite),
    description: description ? decodeString(description) : '',
    createdAt: dateFromFiletime(newest.createdAt),
    sectorSize: metadata.boot.sectorSize,
    size: storage.size,
    metadata: metadata.copies.map((copy) => statusOf(copy, newest)),
    protectors: newest.datums.filter(isProtector).map(parseProtector),
  }
}

/** Reads and parses everything; throws VolumeError when no copy is usable. */
export async function readMetadata(storage: VolumeStorage): Promise<VolumeMetadata> {
  if (storage.size < BOOT_SECTOR_SIZE) {
    throw new VolumeError('VOLUME_NOT_BITLOCKER', 'This is too short to be a BitLocker volume')
  }
  const boot = parseBootSector(await readExactly(storage, 0, BOOT_SECTOR_SIZE))
  const copies: (MetadataCopy | UnusableCopy)[] = []
  for (const index of [0, 1, 2] as const) copies.push(await readCopy(storage, boot, index))
  const [newest, ...others] = inOrderOfTrust(copies.filter((copy) => 'region' in copy))
  if (!newest) throw noUsableCopy(copies.filter((copy) => 'problem' in copy))
  return { boot, copies, valid: [newest, ...others] }
}

function noUsableCopy(copies: readonly UnusableCopy[]): VolumeError {
  if (copies.every(({ code }) => code === 'VOLUME_VISTA')) return vistaVolume()
  const reasons = [...new Set(copies.map(({ problem }) => problem))].join('; ')
  return new VolumeError('VOLUME_DAMAGED', `No metadata copy of this volume is usable: ${reasons}`)
}

/**
 * Valid copies that differ are the trace of an interrupted change. The largest nonce counter is the
 * newest generation, since nothing else grows; of equal ones, the higher index was written (and
 * synced) first. One exception: when copy 2 alone is newer and the others agree, the change had
 * only begun. No reader has used it, since all prefer copy 0, and its last sector may be torn
 * behind a correct checksum; so the change is taken back.
 */
function inOrderOfTrust(valid: readonly MetadataCopy[]): MetadataCopy[] {
  const ranked = valid.toSorted(
    (a, b) => b.nextNonceCounter - a.nextNonceCounter || b.index - a.index,
  )
  const [newest, second, third] = ranked
  const begunOnly =
    newest?.index === 2 &&
    second !== undefined &&
    third !== undefined &&
    !equalBlocks(newest, second) &&
    equalBlocks(second, third)
  return begunOnly ? [second, third, newest] : ranked
}

async function readCopy(
  storage: VolumeStorage,
  boot: BootSector,
  index: CopyIndex,
): Promise<MetadataCopy | UnusableCopy> {
  const offset = boot.metadataOffsets[index]
  try {
    if (boot.metadataOffsets.slice(0, index).some((other) => overlaps(other, offset))) {
      const problem = 'it overlaps another metadata copy'
      return { index, offset, problem, code: 'VOLUME_DAMAGED' }
    }
    const region = await readExactly(storage, offset, METADATA_REGION_SIZE)
    return parseMetadataCopy(region, index, offset)
  } catch (error) {
    if (!(error instanceof VolumeError)) throw error
    if (error.code !== 'VOLUME_DAMAGED' && error.code !== 'VOLUME_VISTA') throw error
    return { index, offset, problem: error.message, code: error.code }
  }
}

function overlaps(a: number, b: number): boolean {
  return Math.abs(a - b) < METADATA_REGION_SIZE
}

function statusOf(
  copy: MetadataCopy | { offset: number; problem: string },
  newest: MetadataCopy,
): MetadataStatus {
  if ('problem' in copy) return { offset: copy.offset, valid: false, problem: copy.problem }
  if (equalBlocks(copy, newest)) return { offset: copy.offset, valid: true }
  return { offset: copy.offset, valid: true, problem: `it differs from copy ${newest.index}` }
}

function equalBlocks(a: MetadataCopy, b: MetadataCopy): boolean {
  return a === b || equalBytes(a.region, b.region)
}

/**
 * (4,4) is the only pair with one meaning; the rest is told apart for people, not for decisions.
 */
function stateOf(copy: MetadataCopy, encryptOnWrite: boolean): VolumeState {
  if (encryptOnWrite) return 'encryptionInProgress'
  const towards = copy.nextState === STATE_ENCRYPTED ? 'encryption' : 'decryption'
  switch (copy.currentState) {
    case 1:
      return copy.nextState === 1 ? 'fullyDecrypted' : 'unknown'
    case 2:
      return `${towards}InProgress`
    case 3:
    case 5:
      return `${towards}Paused`
    case STATE_ENCRYPTED:
      return copy.nextState === STATE_ENCRYPTED ? 'fullyEncrypted' : 'unknown'
    default:
      return 'unknown'
  }
}
