import { describe, expect, test } from 'vitest'
import { parseServerUrl } from './server-url.ts'

describe('parseServerUrl', () => {
  test.each([
    ['https://keydesk.example', 'https://keydesk.example'],
    ['https://KEYDESK.example:8443/', 'https://keydesk.example:8443'],
    ['http://localhost:8080', 'http://localhost:8080'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['http://[::1]:8080', 'http://[::1]:8080'],
  ])('takes %s', (text, origin) => {
    expect(parseServerUrl(text)).toBe(origin)
  })

  test.each([
    ['http://keydesk.example', 'must begin with https://; plain http is for this machine only'],
    ['http://localhost.keydesk.example', 'plain http is for this machine only'],
    ['http://127.0.0.1.keydesk.example', 'plain http is for this machine only'],
    ['keydesk.example', 'is not a URL; write it like https://keydesk.example'],
    ['ftp://keydesk.example', 'must begin with https://'],
    ['https://anna:pw@keydesk.example', 'must not contain a user name or password'],
    ['https://keydesk.example/api?x=1', 'must be an origin without a path'],
  ])('refuses %s', (text, message) => {
    const parse = () => parseServerUrl(text)
    expect(parse).toThrow(expect.objectContaining({ code: 'USAGE' }))
    expect(parse).toThrow(message)
    expect(parse).not.toThrow('pw')
  })
})
