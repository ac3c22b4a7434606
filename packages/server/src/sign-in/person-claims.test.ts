/** What is believed of an issuer's claims. */
import { expect, test } from 'vitest'
import { readPerson, type Claims } from './person-claims.ts'

const SETTINGS = {
  oidcClaimId: undefined,
  oidcClaimUpn: undefined,
  oidcClaimGroups: 'groups',
}
const MAIL = 'administrator@keydesk.example'

function nameIn(claims: Claims, oidcClaimUpn?: string): string | undefined {
  const all = { sub: 'somebody', ...claims }
  return readPerson({ ...SETTINGS, oidcClaimUpn }, all, all).userPrincipalName
}

test.each([
  ['unverified', { email: MAIL, email_verified: false }],
  ['not said to be verified', { email: MAIL }],
  ['verified by something else than a boolean', { email: MAIL, email_verified: 1 }],
])('a mail address that is %s names nobody', (_what, claims) => {
  expect(nameIn(claims)).toBeUndefined()
  expect(nameIn(claims, 'email')).toBeUndefined()
})

test('a verified mail address is the name where no better claim is there', () => {
  for (const email_verified of [true, 'true']) {
    expect(nameIn({ email: MAIL, email_verified })).toBe(MAIL)
    expect(nameIn({ email: MAIL, email_verified }, 'email')).toBe(MAIL)
    const better = { email: MAIL, email_verified, preferred_username: 'p@keydesk.example' }
    expect(nameIn(better)).toBe('p@keydesk.example')
  }
})

test('the claim that the settings name is taken as it is', () => {
  expect(nameIn({ login: MAIL }, 'login')).toBe(MAIL)
})
