import { describe, expect, test } from 'vitest'
import { parsePcDescription } from './pc-description.ts'

const ID = '88b5a81e-2aa6-4b20-a0a0-fdabff775275'
const VOLUME = { id: ID, type: 'fixed', mountPoint: 'D:', image: 'd.img' }

const parse = (pc: unknown) =>
  parsePcDescription(typeof pc === 'string' ? pc : JSON.stringify(pc), 'pc.json')

describe('pc.json', () => {
  test('says what the device is and where its volumes are', () => {
    const pc = { name: 'PC-ANNA', model: 'X', joinType: 'entra', volumes: [VOLUME] }
    expect(parse(pc)).toEqual({
      device: { name: 'PC-ANNA', model: 'X', joinType: 'entra' },
      volumes: [VOLUME],
    })
  })

  test.each([
    ['no JSON', '{', 'it is not a JSON object'],
    ['a list', [], 'it is not a JSON object'],
    ['no name', { volumes: [] }, '"name" is missing'],
    ['no volumes', { name: 'X' }, '"volumes" is not a list'],
    [
      'too many volumes',
      { name: 'X', volumes: Array.from({ length: 33 }, () => VOLUME) },
      'at most 32',
    ],
    ['a path', { name: 'X', volumes: [{ ...VOLUME, image: '../d.img' }] }, 'volume 0 needs'],
    ['an absolute path', { name: 'X', volumes: [{ ...VOLUME, image: '/dev/sda' }] }, 'volume 0'],
    ['a GUID in braces', { name: 'X', volumes: [{ ...VOLUME, id: `{${ID}}` }] }, 'volume 0 needs'],
    ['a type', { name: 'X', volumes: [{ ...VOLUME, type: 'floppy' }] }, 'volume 0 needs'],
    ['the same volume twice', { name: 'X', volumes: [VOLUME, VOLUME] }, 'share an id or an image'],
  ])('with a wrong part (%s) is refused by name of the part', (_what, pc, message) => {
    expect(() => parse(pc)).toThrow(expect.objectContaining({ code: 'DEVICE_FAILED' }))
    expect(() => parse(pc)).toThrow(message)
  })
})
