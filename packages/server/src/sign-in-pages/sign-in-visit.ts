/**
 * One visit to the sign-in pages: the issuer's interaction, what was proved in it so far, and how
 * it ends. Forms count only from a page of this server, with the token of this interaction.
 */

import type { FastifyReply, FastifyRequest } from 'fastify'
import { isSameHash, keyedHash } from '../accounts/keyed-hash.ts'
import { rememberAccount } from '../accounts/known-browser.ts'
import type { PasswordHasher } from '../accounts/password-hash.ts'
import { recordSignIn } from '../accounts/record-sign-in.ts'
import type { RecordDenial } from '../access/record-denial.ts'
import { ACR_MFA, ACR_PASSWORD } from '../access/step-up-acr.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import type { Issuer, SignInInteraction } from '../issuer/issuer.ts'
import { comesFromHere } from '../sessions/refuse-forged-request.ts'
import type { FormTarget } from './sign-in-views.ts'
import {
  clearStep,
  readBrowserCookie,
  readStep,
  writeBrowserCookie,
  type Step,
} from './step-cookie.ts'

/** What the pages need besides `Deps`. */
export interface PageServices {
  readonly hasher: PasswordHasher
  readonly issuer: Pick<Issuer, 'interaction' | 'finishInteraction' | 'abortInteraction'>
  readonly recordDenial: RecordDenial
}

export interface Visit {
  readonly interaction: SignInInteraction
  readonly target: FormTarget
  readonly step: Step | undefined
}

/** Throws AppError NOT_FOUND. */
export async function visitOf(
  deps: Deps,
  { issuer }: PageServices,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Visit> {
  const interaction = await issuer.interaction(request, reply)
  const { uid } = interaction
  const target = { path: `/sign-in/with/${uid}`, csrf: csrfOf(deps, uid) }
  return { interaction, target, step: readStep(deps, request, uid) }
}

/** Throws AppError NOT_FOUND, REQUEST_FORGED. */
export async function visitByForm(
  deps: Deps,
  services: PageServices,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Visit> {
  const { csrf } = request.body as { readonly csrf: string }
  requireForm(deps, request, (request.params as { readonly uid: string }).uid, csrf)
  return await visitOf(deps, services, request, reply)
}

/** The token of forms of one interaction or one link. */
export function csrfOf({ keyring }: Pick<Deps, 'keyring'>, about: string): string {
  return keyedHash(keyring, 'keydesk sign-in form v1', [about]).toString('base64url')
}

/** Throws AppError REQUEST_FORGED. */
export function requireForm(
  deps: Deps,
  request: FastifyRequest,
  about: string,
  csrf: string,
): void {
  const isOwn = isSameHash(Buffer.from(csrf), Buffer.from(csrfOf(deps, about)))
  if (isOwn && comesFromHere(deps.config.origin, request)) return
  throw new AppError('REQUEST_FORGED', 'The form does not come from a page of this sign-in.')
}

/** Whether the program wants more than a password. */
export function wantsSecondFactor({ acrValues }: SignInInteraction): boolean {
  return acrValues.includes(ACR_MFA)
}

/** Ends the visit with who it is. Throws AppError UNAUTHENTICATED. */
export async function finishVisit(
  deps: Deps,
  { issuer }: PageServices,
  http: { request: FastifyRequest; reply: FastifyReply },
  { interaction }: Visit,
  proof: { userId: string; provedAt: string; amr: readonly string[] },
): Promise<FastifyReply> {
  const { request, reply } = http
  const { userId, amr } = proof
  const acr = amr.includes('mfa') ? ACR_MFA : ACR_PASSWORD
  const provedAt = new Date(proof.provedAt)
  await recordSignIn(deps, {
    userId,
    provedAt,
    acr,
    amr,
    clientId: interaction.clientId,
    requestId: request.id,
  })
  clearStep(deps, reply)
  const cookie = readBrowserCookie(deps, request)
  writeBrowserCookie(deps, reply, rememberAccount(deps.keyring, cookie, userId))
  const result = { accountId: userId, provedAt, acr, amr }
  const address = await issuer.finishInteraction(request, reply, result)
  return reply.redirect(address, 303)
}
