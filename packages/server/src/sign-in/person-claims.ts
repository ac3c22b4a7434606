/**
 * What the claims of an external issuer say about a person. They were signed by the issuer; here
 * they are only read, and what does not have the expected form is as good as absent.
 */

import { LIMITS, MailAddress, UserPrincipalName, matches } from '@keydesk/contract'
import type { Config } from '../config.ts'
import { AppError } from '../errors.ts'

export type Claims = Readonly<Record<string, unknown>>

export interface Person {
  /** The claim that names the person for good. */
  readonly subject: string
  readonly userPrincipalName: string | undefined
  readonly displayName: string | undefined
  readonly mail: string | undefined
  /** Undefined: the issuer named more groups than it sends (overage), or did not say any. */
  readonly groups: readonly string[] | undefined
  readonly hasGroupOverage: boolean
}

type ClaimSettings = Pick<Config, 'oidcClaimId' | 'oidcClaimUpn' | 'oidcClaimGroups'>

/** More groups than issuers put into a token: Entra ID stops at 200. */
const GROUPS_MAX = 2000
const GROUP_ID_LENGTH_MAX = 256
const SUBJECT_LENGTH_MAX = 255

/**
 * `idToken`: its claims; `all`: with those of the user info endpoint. Throws AppError
 * SIGN_IN_FAILED.
 */
export function readPerson(settings: ClaimSettings, idToken: Claims, all: Claims): Person {
  const hasGroupOverage = isGroupOverage(all, settings.oidcClaimGroups)
  return {
    subject: subjectOf(settings, idToken, all),
    userPrincipalName: firstMatching(namesOf(settings, all), (text) =>
      matches(UserPrincipalName, text),
    ),
    displayName: displayNameOf(all),
    mail: firstMatching([all['email']], (text) => matches(MailAddress, text)),
    groups: hasGroupOverage ? undefined : groupsOf(all[settings.oidcClaimGroups]),
    hasGroupOverage,
  }
}

/** Whether the user info endpoint has to be asked as well. */
export function lacksClaims(settings: ClaimSettings, idToken: Claims): boolean {
  if (settings.oidcClaimId !== undefined && idToken[settings.oidcClaimId] === undefined) return true
  const hasName = namesOf(settings, idToken).some((name) => name !== undefined)
  const hasGroups = idToken[settings.oidcClaimGroups] !== undefined
  return !hasName || !(hasGroups || isGroupOverage(idToken, settings.oidcClaimGroups))
}

/** The default comes from the ID token alone: the same person is never named in two ways. */
function subjectOf(settings: ClaimSettings, idToken: Claims, all: Claims): string {
  const { oidcClaimId } = settings
  const given = oidcClaimId === undefined ? (idToken['oid'] ?? idToken['sub']) : all[oidcClaimId]
  if (typeof given !== 'string' || given === '' || given.length > SUBJECT_LENGTH_MAX) {
    throw new AppError(
      'SIGN_IN_FAILED',
      `The issuer does not send the claim ${oidcClaimId ?? 'sub'}, by which people are known here.`,
    )
  }
  return given
}

/** An address that the issuer has not verified may be anybody's: others would take him for that. */
function namesOf({ oidcClaimUpn }: ClaimSettings, claims: Claims): unknown[] {
  if (oidcClaimUpn === 'email') return [verifiedMail(claims)]
  if (oidcClaimUpn !== undefined) return [claims[oidcClaimUpn]]
  return [claims['upn'], claims['preferred_username'], verifiedMail(claims)]
}

/** OpenID Connect Core §5.1; some issuers write the boolean as a text. */
function verifiedMail(claims: Claims): unknown {
  const { email, email_verified: isVerified } = claims
  return isVerified === true || isVerified === 'true' ? email : undefined
}

function displayNameOf(claims: Claims): string | undefined {
  const { name } = claims
  if (typeof name !== 'string') return undefined
  const visible = name.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, '').trim()
  return visible === '' ? undefined : visible.slice(0, LIMITS.displayNameLengthMax).trim()
}

/** A single group may come as a text of its own. */
function groupsOf(claim: unknown): string[] | undefined {
  if (claim === undefined || claim === null) return undefined
  const given: unknown[] = Array.isArray(claim) ? claim : [claim]
  const names = given.filter(
    (one): one is string => typeof one === 'string' && one.length <= GROUP_ID_LENGTH_MAX,
  )
  return [...new Set(names)].slice(0, GROUPS_MAX)
}

/** Entra ID's ways of saying that somebody is in too many groups to name them. */
function isGroupOverage(claims: Claims, groupsClaim: string): boolean {
  if (claims['hasgroups'] === true || claims['hasgroups'] === 'true') return true
  const names = claims['_claim_names']
  return typeof names === 'object' && names !== null && Object.hasOwn(names, groupsClaim)
}

function firstMatching(
  candidates: readonly unknown[],
  isFit: (text: string) => boolean,
): string | undefined {
  return candidates.find((one): one is string => typeof one === 'string' && isFit(one))
}
