/**
 * What a password must be (NIST SP 800-63B-4 §3.1.1): long enough, not one of the most common, not
 * made from what everybody knows about its owner. No rule about kinds of characters, no expiry.
 */

import { LIMITS } from '@keydesk/contract'
import { isCommonPassword } from './is-common-password.ts'

/** Whose password it is to be. */
export interface PasswordOwner {
  readonly userPrincipalName: string
  readonly displayName: string
}

/** The form that is counted, judged and hashed: the same however a keyboard composes characters. */
export function normalizePassword(password: string): string {
  return password.normalize('NFKC')
}

/** What is wrong with a new password and what to do, as a sentence; undefined: nothing. */
export function passwordProblem(password: string, owner: PasswordOwner): string | undefined {
  const normalized = normalizePassword(password)
  const { length } = Array.from(normalized)
  if (length < LIMITS.passwordLengthMin) {
    return `Use at least ${LIMITS.passwordLengthMin} characters. A few words make a good password.`
  }
  if (length > LIMITS.passwordLengthMax) {
    return `Use at most ${LIMITS.passwordLengthMax} characters.`
  }
  const folded = folding(normalized)
  if (namesOf(owner).some((name) => folded.includes(name))) {
    return 'Do not use your name, your user name or the name of this service.'
  }
  if (isCommonPassword(normalized)) {
    return 'This password is one of those that attackers try first. Choose one that only you know.'
  }
  return undefined
}

/** Shorter parts of a name would turn up in good passwords by chance. */
const NAME_PART_LENGTH_MIN = 4

function namesOf({ userPrincipalName, displayName }: PasswordOwner): string[] {
  const [account = '', domain = ''] = userPrincipalName.split('@')
  const parts = [
    account,
    ...account.split(/[._-]/),
    domain.split('.')[0] ?? '',
    displayName,
    ...displayName.split(/\s+/),
    'keydesk',
  ]
  return parts.map(folding).filter(({ length }) => length >= NAME_PART_LENGTH_MIN)
}

/** Lower case, letters and digits only. */
function folding(text: string): string {
  return text.toLowerCase().replaceAll(/[^\p{L}\p{Nd}]/gu, '')
}
