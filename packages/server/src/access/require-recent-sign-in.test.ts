/** Who proved himself recently and strongly enough, and what the refusal asks for (RFC 9470). */

import { expect, test } from 'vitest'
import { readConfig } from '../config.ts'
import { AppError } from '../errors.ts'
import type { UserActor } from './actor.ts'
import { createGrants } from './grants.ts'
import { requireRecentSignIn, type RecentSignInOptions } from './require-recent-sign-in.ts'
import { ACR_MFA, ACR_PASSWORD } from './step-up-acr.ts'

const NOW = new Date('2026-11-22T12:00:00Z')
const ownIssuer = readConfig({}).config
const external = { ...ownIssuer, oidcIssuer: 'https://issuer.example' }

function person(secondsAgo: number | undefined, acr: string | undefined): UserActor {
  return {
    type: 'user',
    id: 'b7a3e6a0-0000-4000-8000-000000000001',
    name: 'ada@keydesk.example',
    displayName: 'Ada',
    authenticatedAt:
      secondsAgo === undefined ? undefined : new Date(NOW.getTime() - secondsAgo * 1000),
    methods: [],
    acr,
    sessionId: undefined,
    grants: createGrants({ assignments: [], narrowedTo: 'everything' }),
  }
}

function refusal(config: typeof ownIssuer, actor: UserActor, options?: RecentSignInOptions) {
  try {
    requireRecentSignIn({ config, clock: { now: () => NOW } }, actor, options)
    return undefined
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { code: error.code, challenge: error.challenge }
  }
}

test.each([
  ['of eleven minutes ago', 601, ACR_MFA],
  ['of an unknown time', undefined, ACR_MFA],
  ['of one factor', 10, ACR_PASSWORD],
  ['of unknown strength', 10, undefined],
  ['from the future', -61, ACR_MFA],
])('a sign-in %s is refused, and the refusal says what is missing', (_, secondsAgo, acr) => {
  const refused = refusal(ownIssuer, person(secondsAgo, acr))
  expect(refused?.code).toBe('STEP_UP_REQUIRED')
  expect(refused?.challenge).toContain('Bearer error="insufficient_user_authentication"')
  expect(refused?.challenge).toContain('max_age="600"')
  expect(refused?.challenge).toContain(`acr_values="${ACR_MFA}"`)
})

test('a sign-in of two factors within the time will do', () => {
  for (const secondsAgo of [0, 600]) {
    expect(refusal(ownIssuer, person(secondsAgo, ACR_MFA))).toBeUndefined()
  }
})

test('an act may want a shorter time, never a longer one', () => {
  const actor = person(120, ACR_MFA)
  expect(refusal(ownIssuer, actor, { maxAgeSeconds: 60 })?.challenge).toContain('max_age="60"')
  expect(refusal(ownIssuer, person(700, ACR_MFA), { maxAgeSeconds: 3600 })?.code).toBe(
    'STEP_UP_REQUIRED',
  )
})

test('with an issuer elsewhere the strength counts that the settings name', () => {
  expect(refusal(external, person(10, undefined))).toBeUndefined()
  expect(refusal(external, person(601, undefined))?.challenge).not.toContain('acr_values')
  const strict = { ...external, oidcStepUpAcr: ['gold', 'platinum'] }
  expect(refusal(strict, person(10, 'platinum'))).toBeUndefined()
  expect(refusal(strict, person(10, ACR_MFA))?.challenge).toContain('acr_values="gold platinum"')
})
