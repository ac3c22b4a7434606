/**
 * Goal: the hashes are those of RFC 6962.
 * Method: roots of the eight entries that the Certificate Transparency implementations share as
 * test data, at every size, and the empty tree.
 */
import { describe, expect, it } from 'vitest'
import { emptyRoot, leafHash, nodeHash, rootHash } from './index.ts'

const hex = (bytes: Uint8Array): string => Array.from(bytes, byteToHex).join('')
const byteToHex = (byte: number): string => byte.toString(16).padStart(2, '0')
const fromHex = (text: string): Uint8Array =>
  Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))

const ENTRIES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map(fromHex)

const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

describe('merkle hashes', () => {
  it.each(ROOTS.map((root, size) => ({ root, size })))(
    'root of $size entries',
    ({ root, size }) => {
      expect(hex(rootHash(ENTRIES.slice(0, size).map(leafHash)))).toBe(root)
    },
  )

  it('an empty tree is the hash of nothing', () => {
    expect(hex(emptyRoot())).toBe(ROOTS[0])
  })

  it('a leaf that spells a node does not hash like one', () => {
    const [left, right] = [leafHash(fromHex('00')), leafHash(fromHex('10'))]
    const forged = leafHash(Uint8Array.of(1, ...left, ...right))
    expect(hex(forged)).not.toBe(hex(nodeHash(left, right)))
  })

  it('refuses a child that is not a hash', () => {
    expect(() => nodeHash(new Uint8Array(31), new Uint8Array(32))).toThrow(
      new RangeError('a child of a node is a hash of 32 bytes'),
    )
  })
})
