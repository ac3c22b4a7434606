/**
 * `pc.json`: the folder of a sample Windows PC describes itself. Format: docs/agent.md, "Sample
 * PC". Every file that it names lies in the same folder: a name with a separator in it is refused,
 * so a description from elsewhere cannot point the agent at another disk.
 */
import { join } from 'node:path'
import { AGENT_LIMITS } from '../limits.ts'
import { isMissing } from '../durable-file.ts'
import { readBoundedFile } from '../read-bounded-file.ts'
import { ProviderError } from '../volume-provider.ts'
import type { DeviceDescription, VolumeType } from '../volume-provider.ts'

export const PC_FILE = 'pc.json'

export interface PcVolume {
  readonly id: string
  readonly type: VolumeType
  readonly mountPoint?: string
  /** File name of the disk image: a plain file system first, a BitLocker volume later. */
  readonly image: string
}

export interface PcDescription {
  readonly device: DeviceDescription
  readonly volumes: readonly PcVolume[]
}

/** The files of one volume, as paths. */
export interface VolumeFiles {
  readonly image: string
  /** The startup key: stands in for the TPM of the PC. */
  readonly startupKey: string
  /** Recovery passwords that are prepared for a volume that is not encrypted yet. */
  readonly prepared: string
  /** The encrypted volume while it is being made. */
  readonly unfinished: string
}

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const VOLUME_TYPES = ['operatingSystem', 'fixed', 'removable'] as const
const JOIN_TYPES = ['entra', 'hybrid', 'domain', 'workgroup', 'unknown'] as const
const FACTS = ['serialNumber', 'manufacturer', 'model', 'osVersion', 'osBuild'] as const

export function volumeFiles(directory: string, volume: PcVolume): VolumeFiles {
  const stem = volume.image.replace(/\.img$/, '')
  return {
    image: join(directory, volume.image),
    startupKey: join(directory, `${stem}.BEK`),
    prepared: join(directory, `${stem}.prepared.json`),
    unfinished: join(directory, `${volume.image}.encrypting`),
  }
}

/** Throws ProviderError DEVICE_FAILED with a sentence that names the field. */
export async function readPcDescription(directory: string): Promise<PcDescription> {
  const path = join(directory, PC_FILE)
  let text: string
  try {
    const bytes = await readBoundedFile(path, AGENT_LIMITS.pcDescriptionBytes)
    text = new TextDecoder().decode(bytes)
  } catch (error) {
    const why = isMissing(error) ? 'there is no such file' : 'it cannot be read'
    throw new ProviderError('DEVICE_FAILED', `${path} does not describe a sample PC: ${why}`, {
      cause: error,
    })
  }
  return parsePcDescription(text, path)
}

export function parsePcDescription(text: string, path: string): PcDescription {
  const wrong = (what: string) =>
    new ProviderError('DEVICE_FAILED', `${path} does not describe a sample PC: ${what}`)
  const pc = parseObject(text)
  if (pc === undefined) throw wrong('it is not a JSON object')
  if (typeof pc['name'] !== 'string' || pc['name'] === '') throw wrong('"name" is missing')
  const list: unknown = pc['volumes']
  if (!Array.isArray(list) || list.length > AGENT_LIMITS.volumesPerDevice) {
    throw wrong(`"volumes" is not a list of at most ${AGENT_LIMITS.volumesPerDevice}`)
  }
  const volumes = list.map((item: unknown, index) => {
    const volume = parseVolume(item)
    if (volume === undefined) throw wrong(`volume ${index} needs "id", "type" and "image"`)
    return volume
  })
  const names = volumes.flatMap(({ id, image }) => [id, image])
  if (new Set(names).size !== names.length) throw wrong('two volumes share an id or an image')
  return { device: parseDevice(pc['name'], pc), volumes }
}

function parseDevice(name: string, pc: Record<string, unknown>): DeviceDescription {
  const facts: Partial<Record<(typeof FACTS)[number], string>> = {}
  for (const fact of FACTS) {
    const value = pc[fact]
    if (typeof value === 'string') facts[fact] = value
  }
  const joinType = JOIN_TYPES.find((known) => known === pc['joinType'])
  return { name, ...facts, ...(joinType === undefined ? {} : { joinType }) }
}

function parseVolume(item: unknown): PcVolume | undefined {
  if (!isObject(item)) return undefined
  const { id, image, mountPoint } = item as Record<'id' | 'image' | 'mountPoint', unknown>
  const type = VOLUME_TYPES.find((known) => known === item['type'])
  if (typeof id !== 'string' || !GUID.test(id) || type === undefined) return undefined
  if (typeof image !== 'string' || !FILE_NAME.test(image)) return undefined
  return { id, type, image, ...(typeof mountPoint === 'string' ? { mountPoint } : {}) }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
