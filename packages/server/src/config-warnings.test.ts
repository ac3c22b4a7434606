import { expect, test } from 'vitest'
import { configWarnings } from './config-warnings.ts'
import { readConfig } from './config.ts'

const warningsOf = (env: Record<string, string>): string =>
  configWarnings(readConfig(env).config).join('\n')

test('the defaults and a sound set-up behind a proxy are quiet', () => {
  expect(warningsOf({})).toBe('')
  const sound = {
    KEYDESK_ORIGIN: 'https://keydesk.example',
    KEYDESK_TRUSTED_PROXIES: '127.0.0.1',
  }
  expect(warningsOf(sound)).toBe('')
  expect(warningsOf({ KEYDESK_ORIGIN: 'http://[::1]:8080' })).toBe('')
})

test.each([
  [{ KEYDESK_ORIGIN: 'http://keydesk.example' }, 'KEYDESK_ORIGIN is an http:// address'],
  [{ KEYDESK_HOST: '0.0.0.0' }, 'Keydesk listens on 0.0.0.0, without TLS'],
  [{ KEYDESK_ORIGIN: 'https://keydesk.example' }, 'KEYDESK_TRUSTED_PROXIES is not set'],
])('%j is warned of', (env, warning) => {
  expect(warningsOf(env as Record<string, string>)).toContain(warning)
})
