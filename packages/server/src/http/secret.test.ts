import { format, inspect } from 'node:util'
import { expect, test } from 'vitest'
import { Secret } from './secret.ts'

test('a Secret prints as [secret] wherever it turns into text', () => {
  const secret = new Secret('keydesk_scim_value')
  const texts = [
    String(secret),
    'in a text: '.concat(String(secret)),
    JSON.stringify({ secret }),
    inspect({ nested: { secret } }, { showHidden: true, depth: 9 }),
    format('%s %o %j', secret, secret, secret),
    Object.values(secret).join(),
    JSON.stringify(Object.assign({}, secret)),
  ]
  for (const text of texts) expect(text).not.toContain('value')
  expect(texts[0]).toBe('[secret]')
  expect(secret.reveal()).toBe('keydesk_scim_value')
})
