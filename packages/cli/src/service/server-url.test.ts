import { expect, test } from 'vitest'
import { parseServerUrl } from './server-url.ts'

test.each([
  ['https://keydesk.example', 'https://keydesk.example'],
  ['https://KEYDESK.example:443/', 'https://keydesk.example'],
  ['keydesk.example', 'https://keydesk.example'],
  ['http://localhost:8080', 'http://localhost:8080'],
  ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
  ['http://[::1]:8080', 'http://[::1]:8080'],
])('%s is %s', (text, origin) => {
  expect(parseServerUrl(text)).toBe(origin)
})

test.each([
  ['http://keydesk.example', 'plain http is for this machine only'],
  ['http://localhost.evil.example', 'plain http is for this machine only'],
  ['ftp://keydesk.example', 'must begin with https://'],
  ['https://user:secret@keydesk.example', 'must not contain a user name or password'],
  ['https://keydesk.example/path', 'must be an origin without a path: https://keydesk.example'],
  ['https://', 'is not a URL'],
])('%s is refused: %s', (text, message) => {
  expect(() => parseServerUrl(text)).toThrow(message)
})
