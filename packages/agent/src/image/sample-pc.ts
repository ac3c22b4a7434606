/**
 * @keydesk/agent/sample-pc: make a sample Windows PC, for the demonstration and the tests. A folder
 * with `pc.json` and one plain disk image per volume, each with a small FAT16 file system in it.
 */
import { mkdir, stat } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { writeDurably } from '../durable-file.ts'
import type { DeviceDescription, VolumeType } from '../volume-provider.ts'
import { createFatImage } from './fat-image.ts'
import { PC_FILE } from './pc-description.ts'

/** Large enough for FAT16, small enough that a test makes dozens. */
const IMAGE_BYTES_DEFAULT = 12 * 1024 * 1024

export interface SampleVolume {
  readonly type: VolumeType
  /** `C:` */
  readonly mountPoint: string
  /** Bytes of the plain file system: a multiple of 2048, from 9 MB to 128 MB. */
  readonly sizeBytes?: number
  /** Random by default. */
  readonly id?: string
}

export interface SamplePc extends DeviceDescription {
  /** One 12 MiB operating system volume `C:` by default. */
  readonly volumes?: readonly SampleVolume[]
}

export interface MadeSamplePc {
  readonly directory: string
  readonly volumes: readonly {
    readonly id: string
    readonly mountPoint: string
    /** Path of the disk image. */
    readonly image: string
    /** Path of the startup key, which is there once the volume is encrypted. */
    readonly startupKey: string
  }[]
}

/**
 * Make the folder. Throws when it holds a PC already: an image may be the only copy of its data.
 */
export async function createSamplePc(directory: string, pc: SamplePc): Promise<MadeSamplePc> {
  const { volumes: wanted, ...device } = pc
  await mkdir(directory, { recursive: true })
  const path = join(directory, PC_FILE)
  if (await exists(path)) throw new Error(`${path} is there already`)
  const volumes = (wanted ?? [{ type: 'operatingSystem', mountPoint: 'C:' }]).map((volume) => ({
    ...volume,
    id: volume.id ?? randomUUID(),
    stem: imageStem(volume),
  }))
  for (const { stem, sizeBytes, mountPoint } of volumes) {
    const image = createFatImage(sizeBytes ?? IMAGE_BYTES_DEFAULT, sampleFiles(pc.name, mountPoint))
    await writeDurably(join(directory, `${stem}.img`), image)
  }
  const description = {
    ...device,
    volumes: volumes.map(({ id, type, mountPoint, stem }) => ({
      id,
      type,
      mountPoint,
      image: `${stem}.img`,
    })),
  }
  // Last: a folder without pc.json is no PC.
  await writeDurably(path, new TextEncoder().encode(`${JSON.stringify(description, null, 2)}\n`))
  return {
    directory,
    volumes: volumes.map(({ id, mountPoint, stem }) => ({
      id,
      mountPoint,
      image: join(directory, `${stem}.img`),
      startupKey: join(directory, `${stem}.BEK`),
    })),
  }
}

/** `os.img` boots the PC; a data volume's image is named after its drive letter, `d.img`. */
function imageStem({ type, mountPoint }: SampleVolume): string {
  if (type === 'operatingSystem') return 'os'
  return mountPoint.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
}

function sampleFiles(name: string, mountPoint: string) {
  const text = (lines: readonly string[]) => new TextEncoder().encode(`${lines.join('\r\n')}\r\n`)
  const rows = Array.from({ length: 400 }, (_, index) => `${index + 1};part ${index * 7};ok`)
  return [
    {
      name: 'README.TXT',
      content: text([
        `Volume ${mountPoint} of ${name}, a sample PC.`,
        'If you can read this, the volume is open.',
      ]),
    },
    { name: 'STOCK.CSV', content: text(['number;name;state', ...rows]) },
  ]
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}
