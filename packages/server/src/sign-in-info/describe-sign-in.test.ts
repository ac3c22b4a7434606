import { describe, expect, test } from 'vitest'
import { readConfig } from '../config.ts'
import { describeSignIn } from './describe-sign-in.ts'

const EXTERNAL = {
  KEYDESK_ORIGIN: 'https://keydesk.example',
  KEYDESK_OIDC_ISSUER: 'https://issuer.example',
  KEYDESK_OIDC_CLIENT_ID: 'portal',
  KEYDESK_OIDC_CLIENT_SECRET_FILE: '/run/secret',
}

const signInWith = (env: Record<string, string>) => describeSignIn(readConfig(env).config)

describe('where programs sign people in', () => {
  test('is the built-in issuer by default', () => {
    expect(signInWith({ KEYDESK_ORIGIN: 'https://keydesk.example' })).toEqual({
      issuer: 'https://keydesk.example/oidc',
      audience: 'https://keydesk.example',
      resource: 'https://keydesk.example',
      stepUpAcrValues: 'urn:keydesk:acr:mfa',
      cli: { clientId: 'keydesk-cli', scope: 'openid offline_access Keydesk.Access' },
      agent: { clientId: 'keydesk-agent', scope: 'openid Keydesk.EnrollDevice' },
    })
  })

  test('is the configured issuer, with its own clients and names of scopes', () => {
    const info = signInWith({
      ...EXTERNAL,
      KEYDESK_OIDC_AUDIENCE: 'api://keydesk',
      KEYDESK_OIDC_CLI_CLIENT_ID: 'cli',
      KEYDESK_OIDC_AGENT_CLIENT_ID: 'agent',
      KEYDESK_OIDC_API_SCOPE_PREFIX: 'api://keydesk/',
      KEYDESK_OIDC_STEP_UP_ACR: 'c1 c2',
    })
    expect(info).toEqual({
      issuer: 'https://issuer.example',
      audience: 'api://keydesk',
      stepUpAcrValues: 'c1 c2',
      cli: { clientId: 'cli', scope: 'openid offline_access api://keydesk/Keydesk.Access' },
      agent: { clientId: 'agent', scope: 'openid api://keydesk/Keydesk.EnrollDevice' },
    })
  })

  test('is nowhere for a program that has no client there, or whose tokens would be refused', () => {
    const audience = { KEYDESK_OIDC_AUDIENCE: 'api://keydesk' }
    const clients = { KEYDESK_OIDC_CLI_CLIENT_ID: 'cli', KEYDESK_OIDC_AGENT_CLIENT_ID: 'agent' }
    for (const info of [
      signInWith({ ...EXTERNAL, ...audience }),
      signInWith({ ...EXTERNAL, ...clients }),
    ]) {
      expect(info).not.toHaveProperty('cli')
      expect(info).not.toHaveProperty('agent')
    }
  })

  test('leaves the agent out where people may not enrol by signing in', () => {
    expect(signInWith({ KEYDESK_ENROLL_BY_SIGN_IN: 'off' })).not.toHaveProperty('agent')
  })
})
