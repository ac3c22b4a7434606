/** Judged by node's own codec; strictness is ours. */

import { Buffer } from 'node:buffer'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeBase64Url, encodeBase64Url } from './base64url.ts'

test('encodes as node does, and decodes what it encodes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const text = encodeBase64Url(bytes)
      expect(text).toBe(Buffer.from(bytes).toString('base64url'))
      expect(decodeBase64Url(text)).toEqual(Uint8Array.from(bytes))
    }),
  )
})

test('every text either is the one text of its bytes or is refused', () => {
  const character = fc.constantFrom('A', 'B', 'Q', 'g', 'w', '0', '-', '_', '+', '/', '=', ' ', 'é')
  fc.assert(
    fc.property(fc.array(character, { maxLength: 12 }), (characters) => {
      const text = characters.join('')
      const bytes = decodeBase64Url(text)
      const again = bytes === undefined ? undefined : encodeBase64Url(bytes)
      expect([undefined, text]).toContain(again)
      // Nothing that is well formed is refused.
      if (Buffer.from(text, 'base64url').toString('base64url') === text) return bytes !== undefined
      return bytes === undefined
    }),
  )
})
