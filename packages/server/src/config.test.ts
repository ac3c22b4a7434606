import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { helpText } from './config-help.ts'
import { formatDuration } from './config-values.ts'
import { VARIABLES, readConfig } from './config.ts'

function messageOf(env: Record<string, string>): string {
  try {
    readConfig(env)
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('the configuration was accepted')
}

describe('readConfig', () => {
  test('an empty environment gives the documented defaults', () => {
    const { config, warnings } = readConfig({})
    expect(warnings).toEqual([])
    expect(config).toMatchObject({
      dataDir: resolve('data'),
      vaultKeyFile: resolve('data/vault-key.json'),
      host: '127.0.0.1',
      port: 8080,
      origin: 'http://localhost:8080',
      trustedProxies: [],
      rotationDelaySeconds: 3600,
      disclosureBudget: { count: 30, windowSeconds: 3600 },
    })
    expect(config.databaseUrl).toBeUndefined()
  })

  test('an empty value counts as not set', () => {
    expect(readConfig({ KEYDESK_PORT: '  ', DATABASE_URL: '' }).config.port).toBe(8080)
  })

  test('every default and every example is accepted', () => {
    // Those of sign-in go together or not at all: each is judged within a set that works.
    const complete = { KEYDESK_OIDC_ISSUER: 'https://issuer.example', KEYDESK_OIDC_CLIENT_ID: 'a' }
    const file = { KEYDESK_OIDC_CLIENT_SECRET_FILE: '/run/secret' }
    for (const { name, default: given, example } of Object.values(VARIABLES)) {
      const others = name === 'KEYDESK_OIDC_PRIVATE_KEY_FILE' ? complete : { ...complete, ...file }
      const around = name.startsWith('KEYDESK_OIDC_') ? others : {}
      expect(() => readConfig({ ...around, [name]: example })).not.toThrow()
      const beside = given === undefined ? {} : around
      expect(() => readConfig({ ...beside, [name]: given })).not.toThrow()
    }
  })

  test('lists every wrong value with what is wrong and an example, never the value', () => {
    const message = messageOf({
      KEYDESK_PORT: '70000-secret',
      KEYDESK_ORIGIN: 'https://keydesk.example/secret',
      KEYDESK_DISCLOSURE_BUDGET: 'secret',
    })
    expect(message.split('\n')).toEqual([
      'KEYDESK_PORT is wrong: it must be a whole number from 0 to 65535. Example: 8443',
      'KEYDESK_ORIGIN is wrong: it must be an http:// or https:// address in lower case, with a ' +
        'host and no path. Example: https://keydesk.example',
      'KEYDESK_DISCLOSURE_BUDGET is wrong: it must be a number, a slash and a duration. ' +
        'Example: 200/1h',
    ])
    expect(message).not.toContain('secret')
  })

  test.each([
    ['KEYDESK_ROTATION_DELAY', '60'],
    ['KEYDESK_ROTATION_DELAY', '8d'],
    ['KEYDESK_ROTATION_DELAY', '-1h'],
    ['KEYDESK_ROTATION_DELAY', '1.5h'],
    ['KEYDESK_SHUTDOWN_GRACE', '0s'],
    ['KEYDESK_PORT', '0x1F90'],
    ['KEYDESK_PORT', '8080.0'],
    ['KEYDESK_HOST', '0.0.0.0 '.repeat(2)],
    ['KEYDESK_HOST', 'http://keydesk.example'],
    ['KEYDESK_ORIGIN', 'keydesk.example'],
    ['KEYDESK_ORIGIN', 'https://user@keydesk.example'],
    ['KEYDESK_ORIGIN', 'HTTPS://keydesk.example'],
    ['KEYDESK_ORIGIN', 'https://keydesk.example:443'],
    ['KEYDESK_ORIGIN', 'https://keydesk.example?x'],
    ['KEYDESK_TRUSTED_PROXIES', '*'],
    ['KEYDESK_TRUSTED_PROXIES', '10.0.0.1,,'],
    ['KEYDESK_DISCLOSURE_BUDGET', '0/1h'],
    ['KEYDESK_DISCLOSURE_BUDGET', '10/1y'],
    ['KEYDESK_LOG_LEVEL', 'trace'],
    ['KEYDESK_VAULT_KEY_FILE', 'a\0b'],
    ['DATABASE_URL', 'postgres://db.keydesk.example'],
    ['DATABASE_URL', 'db.keydesk.example/keydesk'],
  ])('refuses %s=%j', (name, value) => {
    expect(messageOf({ [name]: value })).toContain(`${name} is wrong: `)
  })

  test('port 0 needs an origin, since the address cannot be derived', () => {
    expect(messageOf({ KEYDESK_PORT: '0' })).toContain('KEYDESK_ORIGIN is missing')
    const given = { KEYDESK_PORT: '0', KEYDESK_ORIGIN: 'https://keydesk.example/' }
    expect(readConfig(given).config.origin).toBe('https://keydesk.example')
  })

  const external = {
    KEYDESK_OIDC_ISSUER: 'https://issuer.example/tenant',
    KEYDESK_OIDC_CLIENT_ID: 'keydesk',
    KEYDESK_OIDC_CLIENT_SECRET_FILE: '/run/secret',
  }

  test('an issuer needs a client ID and one credential, and they need an issuer', () => {
    expect(readConfig(external).config.oidcIssuer).toBe('https://issuer.example/tenant')
    const without = (name: keyof typeof external) => messageOf({ ...external, [name]: '' })
    expect(without('KEYDESK_OIDC_CLIENT_ID')).toContain('KEYDESK_OIDC_CLIENT_ID is missing')
    expect(without('KEYDESK_OIDC_CLIENT_SECRET_FILE')).toContain('needs one of')
    expect(messageOf({ ...external, KEYDESK_OIDC_PRIVATE_KEY_FILE: '/run/key' })).toContain(
      'needs one of',
    )
    expect(without('KEYDESK_OIDC_ISSUER')).toContain('without KEYDESK_OIDC_ISSUER')
  })

  test.each(
    Object.values(VARIABLES).flatMap(({ name, example }) =>
      name.startsWith('KEYDESK_OIDC_') && name !== 'KEYDESK_OIDC_ISSUER' ? [[name, example]] : [],
    ),
  )('%s means nothing without an issuer', (name, example) => {
    expect(messageOf({ [name]: example })).toBe(
      `${name} is set without KEYDESK_OIDC_ISSUER. Set both, or neither.`,
    )
  })

  test.each(['http://issuer.example', 'https://issuer.example/?a=b', 'issuer.example', 'ftp://x'])(
    'refuses the issuer %j',
    (issuer) => {
      expect(messageOf({ ...external, KEYDESK_OIDC_ISSUER: issuer })).toContain(
        'KEYDESK_OIDC_ISSUER is wrong',
      )
    },
  )

  test('a variable that looks like ours is named with the nearest one', () => {
    expect(readConfig({ KEYDESK_DATADIR: 'x', OTHER: 'y' }).warnings).toEqual([
      'KEYDESK_DATADIR is not a variable of this server; did you mean KEYDESK_DATA_DIR?',
    ])
  })
})

test('formatDuration writes what the parser reads back', () => {
  for (const seconds of [0, 1, 59, 60, 90, 3600, 5400, 86_400, 604_800]) {
    const env = { KEYDESK_ROTATION_DELAY: formatDuration(seconds) }
    expect(readConfig(env).config.rotationDelaySeconds).toBe(seconds)
  }
})

test('--help describes every variable within 80 columns', () => {
  const help = helpText()
  for (const { name, example } of Object.values(VARIABLES)) {
    expect(help).toContain(name)
    expect(help).toContain(`Example: ${example}`)
  }
  expect(help.split('\n').filter((line) => line.length > 80)).toEqual([])
})
