/**
 * The volumes that Windows made, from ../shared/fixtures/bitlk beside the checkout, with what their README says about
 * them. They are read, never committed; where they are absent the tests that need them skip and say so.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'

const FOLDER = join(import.meta.dirname, '../../../../../shared/fixtures/bitlk')

/** Largest fixture is 128 MiB. */
const MAX_IMAGE = 256 * 1024 * 1024

export interface WindowsVolume {
  readonly name: string
  readonly volumeId: string
  readonly size: number
  readonly method: string
  readonly sectorSize: number
  readonly createdAt: string
  readonly description: string
  readonly offsets: readonly number[]
  readonly protectors: readonly (readonly [type: string, id: string])[]
  /** Protector ID and recovery password. */
  readonly passwords: readonly (readonly [id: string, password: string])[]
  readonly passphrase?: string
  readonly startupKeyFile?: string
  /** SHA-256 of the decrypted view. */
  readonly plainHash?: string
  /** Conversion not finished, or suspended: read and verify, never rotate. */
  readonly frozen?: 'encryptOnWrite' | 'clearKey'
}

export const haveWindowsVolumes = existsSync(FOLDER)

if (!haveWindowsVolumes) {
  process.stderr.write('SKIP: no Windows-made volumes (../shared/fixtures/bitlk) on this machine\n')
}

/** The whole image. */
export function loadWindowsVolume(name: string): Uint8Array {
  const packed = readFileSync(join(FOLDER, `${name}.img.zst`))
  return new Uint8Array(zstdDecompressSync(packed, { maxOutputLength: MAX_IMAGE }))
}

export function loadStartupKeyFile(name: string): Uint8Array {
  return new Uint8Array(readFileSync(startupKeyPath(name)))
}

export function startupKeyPath(name: string): string {
  return join(FOLDER, name)
}

export const WINDOWS_VOLUMES: readonly WindowsVolume[] = [
  {
    name: 'bitlk-aes-cbc-128',
    volumeId: 'e9726fab-7656-4bc5-bb9e-adf115953328',
    size: 104857600,
    method: 'aes-cbc-128',
    sectorSize: 512,
    createdAt: '2019-07-04T06:37:58Z',
    description: 'DESKTOP-NPM7RCA F: 7/3/2019',
    offsets: [35213312, 46256128, 57909248],
    protectors: [
      ['password', 'cdfdf65e-42ea-4486-ac2c-db11d8b619f9'],
      ['recoveryPassword', '3fd763f9-74c7-4e90-8fa2-1f6a2e2b4e0c'],
    ],
    passwords: [
      [
        '3fd763f9-74c7-4e90-8fa2-1f6a2e2b4e0c',
        '042647-302313-590458-071500-554323-116567-412181-516978',
      ],
    ],
    passphrase: 'anaconda',
    plainHash: '04500a8120ba355ed206284e03e26e59b7e1f1832868e1d69bb47023ebd3460f',
  },
  {
    name: 'bitlk-aes-xts-128',
    volumeId: '8f595209-f5b9-49a0-85d4-cb8f80258c27',
    size: 104857600,
    method: 'xts-aes-128',
    sectorSize: 512,
    createdAt: '2019-07-04T07:01:55Z',
    description: 'DESKTOP-NPM7RCA H: 7/4/2019',
    offsets: [35213312, 46256128, 57909248],
    protectors: [
      ['password', '3e55195c-8811-4d9b-97b4-2b9e5f8f5384'],
      ['recoveryPassword', '64311dea-4587-4029-924a-ba299647998e'],
    ],
    passwords: [
      [
        '64311dea-4587-4029-924a-ba299647998e',
        '235818-357951-253979-013365-241120-245575-342914-591910',
      ],
    ],
    passphrase: 'anaconda',
    plainHash: '674e3a976927fd62f3fc26df2c695cac75b8d364e3b45393717efa971f16db0f',
  },
  {
    name: 'bitlk-aes-cbc-elephant-128',
    volumeId: 'd1668fb9-2c16-40aa-8959-3493815234e6',
    size: 134217728,
    method: 'aes-cbc-128-diffuser',
    sectorSize: 512,
    createdAt: '2019-08-13T13:14:01Z',
    description: 'WIN-TR6JK2CTSJC New Volume 8/13/2019',
    offsets: [34603008, 67809280, 101015552],
    protectors: [
      ['recoveryPassword', 'b4454890-f4b2-4303-a788-e237176e400b'],
      ['password', 'c2171489-53f5-45df-a351-f38474a08de7'],
    ],
    passwords: [
      [
        'b4454890-f4b2-4303-a788-e237176e400b',
        '529573-278784-259347-197835-171457-264044-610280-313269',
      ],
    ],
    passphrase: 'anaconda',
    plainHash: 'b18e4f956295bc0f327e551322261fb9c74ac0d3ce58bf3b806e98474e1619ea',
  },
  {
    name: 'bitlk-togo-aes-cbc-128',
    volumeId: 'e75379cf-8b7b-48d7-9210-84b63e730cf5',
    size: 104857600,
    method: 'aes-cbc-128',
    sectorSize: 512,
    createdAt: '2019-07-04T06:42:02Z',
    description: 'DESKTOP-NPM7RCA G: 7/3/2019',
    offsets: [34603008, 46254080, 57905152],
    protectors: [
      ['password', 'b8a05efc-7939-4393-b4a7-df3ea480530b'],
      ['recoveryPassword', '7b15c1af-defa-4a3f-a89f-45b93812337e'],
    ],
    passwords: [
      [
        '7b15c1af-defa-4a3f-a89f-45b93812337e',
        '607552-529496-550902-707531-545787-248358-370216-060401',
      ],
    ],
    passphrase: 'anaconda',
    plainHash: '3fb19a2b9cf89962216cc7b27f7127ea7f241c39b7b340d7431a232f81c36eb1',
  },
  {
    name: 'bitlk-partially-encrypted-aes-cbc-128',
    volumeId: 'fe2af132-a122-43b5-ae02-2db7462d4507',
    size: 104857600,
    method: 'aes-cbc-128',
    sectorSize: 512,
    createdAt: '2019-08-15T11:22:45Z',
    description: 'DESKTOP-NPM7RCA I: 8/15/2019',
    offsets: [35213312, 46256128, 57909248],
    protectors: [
      ['password', '5530d300-515d-46d7-b8d6-e77a9dbe8bf5'],
      ['recoveryPassword', 'bf563c45-4036-42f4-b04a-46f2c9862570'],
      ['clearKey', '31f1baeb-30f1-4d28-a288-3f25fa5b5d6e'],
    ],
    passwords: [
      [
        'bf563c45-4036-42f4-b04a-46f2c9862570',
        '528561-251702-140283-271590-717365-674234-182611-409563',
      ],
    ],
    passphrase: 'anaconda',
    frozen: 'encryptOnWrite',
  },
  {
    name: 'bitlk-aes-xts-128-smart-card',
    volumeId: 'e7d812df-c38b-4149-95fe-85134d2e02f7',
    size: 104857600,
    method: 'xts-aes-128',
    sectorSize: 512,
    createdAt: '2019-11-12T09:03:22Z',
    description: 'DESKTOP-B727RA0 H: 12/11/2019',
    offsets: [35213312, 46256128, 57909248],
    protectors: [
      ['publicKey', '7d2245b9-ccd5-49d0-b4f5-653162a71744'],
      ['recoveryPassword', '1f9da098-0cc4-464d-a101-188e70f434a6'],
    ],
    passwords: [
      [
        '1f9da098-0cc4-464d-a101-188e70f434a6',
        '538329-080597-399190-348700-323345-161062-279807-230978',
      ],
    ],
    plainHash: '007de1a342f49a15f97712f634aa1684e1d8c24e220652fc9796b22421413268',
  },
  {
    name: 'bitlk-aes-xts-128-4k',
    volumeId: '2a66874f-3f92-4160-aab1-20ee31c1426c',
    size: 104857600,
    method: 'xts-aes-128',
    sectorSize: 4096,
    createdAt: '2020-05-01T10:11:52Z',
    description: 'DESKTOP-LG39GVP New Volume 01/05/2020',
    offsets: [35213312, 46256128, 57909248],
    protectors: [
      ['password', 'c0fe19b7-75d4-4663-81ed-ab9e3bf4b549'],
      ['recoveryPassword', '69a49ad2-6a11-41b2-bb14-bda04b1c97e1'],
    ],
    passwords: [
      [
        '69a49ad2-6a11-41b2-bb14-bda04b1c97e1',
        '486552-140030-675719-163900-264671-413787-580239-152614',
      ],
    ],
    passphrase: 'anaconda',
    plainHash: 'b4c0416ae643537207413ed78d4bcadae697bb86a6262864ac00afda01312277',
  },
  {
    name: 'bitlk-aes-xts-128-startup-key',
    volumeId: '5a95db04-6ebc-4ba9-99a3-15a87a3d07b2',
    size: 104857600,
    method: 'xts-aes-128',
    sectorSize: 512,
    createdAt: '2020-09-15T07:22:33Z',
    description: 'DESKTOP-LG39GVP E: 15/09/2020',
    offsets: [34603008, 46256128, 57909248],
    protectors: [
      ['password', '4f6ae327-f4cf-470b-a6f6-9de8fdb7c051'],
      ['recoveryPassword', '294bc732-f82f-404c-a2ce-d1094ed59506'],
      ['startupKey', '4381f759-c4f8-4de0-bb61-fc33a831bda5'],
    ],
    passwords: [
      [
        '294bc732-f82f-404c-a2ce-d1094ed59506',
        '363770-230505-096371-652674-567006-579150-291038-408111',
      ],
    ],
    startupKeyFile: '4381F759-C4F8-4DE0-BB61-FC33A831BDA5.BEK',
    plainHash: 'bbb68369d8f7badb2c2330349d9d0cf12e68f54eece25e718d2bb13feba23f7a',
  },
  {
    name: 'bitlk-aes-xts-128-two-recovery',
    volumeId: '316a9dd0-5d5d-48fb-a2e8-0a02bb08701c',
    size: 105906176,
    method: 'xts-aes-128',
    sectorSize: 512,
    createdAt: '2025-03-09T09:06:10Z',
    description: 'WIN11 New Volume 09/03/2025',
    offsets: [35561472, 46370816, 58138624],
    protectors: [
      ['password', '2a9089bc-1e0f-4db4-ab28-323d58789d4b'],
      ['recoveryPassword', 'e7e48bae-ff13-4f14-8222-971d469fae0d'],
      ['recoveryPassword', 'b7adc334-fe6d-4ae4-b5c4-1c1d0dbc335b'],
    ],
    passwords: [
      [
        'e7e48bae-ff13-4f14-8222-971d469fae0d',
        '478401-067859-043868-000935-121330-337425-718509-484979',
      ],
      [
        'b7adc334-fe6d-4ae4-b5c4-1c1d0dbc335b',
        '297693-343387-338492-284526-405482-424886-634931-555093',
      ],
    ],
    passphrase: 'anaconda',
    plainHash: '15570b2a7a1255e2d0f34a0ff82b6e255d8a7e25c24c7849c91321bcb1858cb3',
  },
  {
    name: 'bitlk-aes-xts-128-clearkey-only',
    volumeId: 'df73cb51-ff48-4033-8d56-a32cc2b1ab7a',
    size: 104857600,
    method: 'xts-aes-128',
    sectorSize: 512,
    createdAt: '2025-11-05T17:30:47Z',
    description: 'WIN11 F: 05/11/2025',
    offsets: [35213312, 46256128, 57909248],
    protectors: [['clearKey', 'f99f18e8-0348-4a6b-afdf-58b1dd71f0d1']],
    passwords: [],
    plainHash: 'f574a5254d31e9f27dc4ee440290875886c6c569cf02dc100e91a5c0cddaa4e1',
    frozen: 'clearKey',
  },
]
