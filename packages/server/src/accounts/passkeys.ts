/**
 * Passkeys (WebAuthn Level 3), by @simplewebauthn/server: discoverable, with user verification, so
 * one is two factors by itself. A challenge is bound to what it was given out for and works once. A
 * stored key counts only with a MAC that binds it to its user.
 */

import { randomBytes, randomUUID } from 'node:crypto'
import { LIMITS, matches } from '@keydesk/contract'
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type AuthenticationResponseJSON,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
} from '@simplewebauthn/server'
import type { Kysely } from 'kysely'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { Type } from 'typebox'
import { AppError } from '../errors.ts'
import { isSameHash, keyedHash } from './keyed-hash.ts'
import {
  insertChallenge,
  recordPasskeyUse,
  selectPasskeyByCredential,
  selectPasskeys,
  takeChallenge,
  type PasskeyRow,
} from './passkey-queries.ts'

type PasskeyDeps = Pick<Deps, 'config' | 'db' | 'keyring' | 'clock'>

/** What a challenge is for: `signIn` in an interaction, or `add` to a user. */
export interface ChallengeUse {
  readonly purpose: 'signIn' | 'add'
  /** Interaction or session, and the user where it is known. */
  readonly context: string
}

const CHALLENGE_BYTES = 32
const TIMEOUT_MS = 300_000

/** For navigator.credentials.get: any passkey of this service. */
export async function passkeySignInOptions(
  deps: PasskeyDeps,
  use: ChallengeUse,
): Promise<PublicKeyCredentialRequestOptionsJSON> {
  return await generateAuthenticationOptions({
    rpID: relyingPartyId(deps),
    challenge: await createChallenge(deps, use),
    userVerification: 'required',
    timeout: TIMEOUT_MS,
  })
}

/** For navigator.credentials.create. */
export async function newPasskeyOptions(
  deps: PasskeyDeps,
  use: ChallengeUse,
  user: { id: string; userPrincipalName: string; displayName: string },
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  const existing = await selectPasskeys(deps.db, user.id)
  return await generateRegistrationOptions({
    rpName: 'Keydesk',
    rpID: relyingPartyId(deps),
    userID: Uint8Array.from(Buffer.from(user.id)),
    userName: user.userPrincipalName,
    userDisplayName: user.displayName,
    challenge: await createChallenge(deps, use),
    attestationType: 'none',
    excludeCredentials: existing.map(({ credential_id }) => ({
      id: credential_id.toString('base64url'),
    })),
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    timeout: TIMEOUT_MS,
  })
}

/** The user whose passkey it is. Throws AppError INVALID_REQUEST, which does not say why. */
export async function verifyPasskey(
  deps: PasskeyDeps,
  use: ChallengeUse,
  answerText: string,
): Promise<{ userId: string; amr: readonly string[] }> {
  const answer = parseAnswer(answerText) as AuthenticationResponseJSON
  const row = await selectPasskeyByCredential(deps.db, Buffer.from(answer.id, 'base64url'))
  if (row === undefined || !isOfItsUser(deps, row)) throw notAccepted()
  const claimedUser = answer.response.userHandle
  if (claimedUser !== undefined && decoded(claimedUser) !== row.user_id) throw notAccepted()
  const verified = await verifyAuthenticationResponse({
    response: answer,
    expectedChallenge: async (challenge) => await useChallenge(deps, use, challenge),
    expectedOrigin: deps.config.origin,
    expectedRPID: relyingPartyId(deps),
    requireUserVerification: true,
    credential: {
      id: row.credential_id.toString('base64url'),
      publicKey: Uint8Array.from(row.public_key),
      counter: row.sign_count,
    },
  }).catch(() => undefined)
  if (verified?.verified !== true) throw notAccepted()
  const { newCounter } = verified.authenticationInfo
  const isNew = await recordPasskeyUse(deps.db, {
    id: row.id,
    signCount: newCounter,
    now: deps.clock.now(),
  })
  if (!isNew) throw notAccepted()
  // RFC 8176: a key that its maker copies to other devices is not bound to hardware.
  return { userId: row.user_id, amr: [row.is_backed_up ? 'swk' : 'hwk', 'user', 'mfa'] }
}

/** The row to insert. Throws AppError INVALID_REQUEST. */
export async function verifyNewPasskey(
  deps: PasskeyDeps,
  use: ChallengeUse,
  wanted: { userId: string; name: string; answerText: string },
): Promise<Omit<PasskeyRow, 'last_used_at'>> {
  const answer = parseAnswer(wanted.answerText) as RegistrationResponseJSON
  const verified = await verifyRegistrationResponse({
    response: answer,
    expectedChallenge: async (challenge) => await useChallenge(deps, use, challenge),
    expectedOrigin: deps.config.origin,
    expectedRPID: relyingPartyId(deps),
    requireUserVerification: true,
  }).catch(() => undefined)
  if (verified?.verified !== true) throw notAccepted()
  const { credential, credentialBackedUp } = verified.registrationInfo
  const row = {
    user_id: wanted.userId,
    credential_id: Buffer.from(credential.id, 'base64url'),
    public_key: Buffer.from(credential.publicKey),
  }
  return {
    id: randomUUID(),
    ...row,
    mac: macOf(deps, row),
    sign_count: credential.counter,
    transports: [],
    name: wanted.name,
    is_backed_up: credentialBackedUp,
    created_at: deps.clock.now(),
  }
}

/** A passkey that a database writer inserted or gave to another user is not one of his. */
export async function countPasskeys(
  db: Kysely<Database>,
  deps: Pick<Deps, 'keyring'>,
  userId: string,
): Promise<number> {
  const rows = await selectPasskeys(db, userId)
  return rows.filter((row) => isOfItsUser(deps, row)).length
}

function isOfItsUser(deps: Pick<Deps, 'keyring'>, row: PasskeyRow): boolean {
  return isSameHash(row.mac, macOf(deps, row))
}

function macOf(
  { keyring }: Pick<Deps, 'keyring'>,
  row: Pick<PasskeyRow, 'user_id' | 'credential_id' | 'public_key'>,
): Buffer {
  return keyedHash(keyring, 'keydesk passkey v1', [
    row.user_id,
    row.credential_id.toString('base64url'),
    row.public_key.toString('base64url'),
  ])
}

async function createChallenge(deps: PasskeyDeps, use: ChallengeUse) {
  const challenge = randomBytes(CHALLENGE_BYTES)
  const now = deps.clock.now()
  await insertChallenge(deps.db, {
    hash: challengeHash(deps, use, challenge.toString('base64url')),
    now,
    expiresAt: new Date(now.getTime() + LIMITS.signInStepSecondsMax * 1000),
  })
  return Uint8Array.from(challenge)
}

async function useChallenge(
  deps: PasskeyDeps,
  use: ChallengeUse,
  challenge: string,
): Promise<boolean> {
  return await takeChallenge(deps.db, challengeHash(deps, use, challenge), deps.clock.now())
}

function challengeHash(deps: PasskeyDeps, use: ChallengeUse, challenge: string): Buffer {
  const parts = [use.purpose, use.context, challenge]
  return keyedHash(deps.keyring, 'keydesk passkey challenge v1', parts)
}

function relyingPartyId({ config }: Pick<Deps, 'config'>): string {
  return new URL(config.origin).hostname
}

/** The library judges the rest of it. */
const PasskeyAnswer = Type.Object({ id: Type.String(), response: Type.Object({}) })

function parseAnswer(text: string): { id: string; response: object } {
  if (text.length > LIMITS.passkeyAnswerLengthMax) throw notAccepted()
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    throw notAccepted()
  }
  if (!matches(PasskeyAnswer, answer)) throw notAccepted()
  return answer
}

function decoded(base64url: unknown): string {
  return typeof base64url === 'string' ? Buffer.from(base64url, 'base64url').toString() : ''
}

function notAccepted(): AppError {
  return new AppError('INVALID_REQUEST', 'This passkey was not accepted. Go on another way.')
}
