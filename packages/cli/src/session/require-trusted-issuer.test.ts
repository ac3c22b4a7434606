/** A service that names the issuer of another one. With processes: cli-issuer-mix-up.e2e.ts. */
import { expect, test } from 'vitest'
import { requireTrustedIssuer } from './require-trusted-issuer.ts'

const GENUINE = 'https://keydesk.example'
const EVIL = 'https://evil.example'
const EXTERNAL = 'https://login.keydesk.example/tenant'

interface Info {
  readonly issuer: string
  readonly resource?: string
}

function check(server: string, info: Info, named?: string): void {
  requireTrustedIssuer(server, info, { named, how: '--issuer URL' })
}

test.each<[string, Info]>([
  [
    'the issuer and the resource of another service',
    { issuer: `${GENUINE}/oidc`, resource: GENUINE },
  ],
  ['the issuer of another service, for itself', { issuer: `${GENUINE}/oidc`, resource: EVIL }],
  ['its own issuer, for another service', { issuer: `${EVIL}/oidc`, resource: GENUINE }],
  ['its own issuer, for whatever that defaults to', { issuer: `${EVIL}/oidc` }],
  ['an issuer that nobody named', { issuer: EXTERNAL }],
  ['an issuer below its own', { issuer: `${EVIL}/oidc/`, resource: EVIL }],
])('a service is refused that names %s', (_what, info) => {
  expect(() => check(EVIL, info)).toThrow(expect.objectContaining({ code: 'SIGN_IN_FAILED' }))
})

test('its own issuer is believed, and another one that the user named exactly', () => {
  expect(() => check(GENUINE, { issuer: `${GENUINE}/oidc`, resource: GENUINE })).not.toThrow()
  expect(() => check(GENUINE, { issuer: EXTERNAL }, EXTERNAL)).not.toThrow()
  expect(() => check(GENUINE, { issuer: EXTERNAL }, `${EXTERNAL}/`)).toThrow(EXTERNAL)
  const foreign = { issuer: EXTERNAL, resource: EVIL }
  expect(() => check(GENUINE, foreign, EXTERNAL)).toThrow('tokens of another service')
})
