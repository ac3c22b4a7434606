/**
 * The service says at which issuer to sign in, and a wrong service could name the issuer of a right
 * one, to be handed a token (or the secret) that is good there. So a service is believed about its
 * own issuer only, whose tokens name it; any other issuer must be named by the user.
 */
import type { SignInInfo } from '@keydesk/contract'
import { oneLine } from '../service/one-line.ts'
import { serviceFailure } from '../service/service-error.ts'

/**
 * `named`: by the user, now or at an earlier sign-in; `how` he names one. Throws CommandError
 * SIGN_IN_FAILED.
 */
export function requireTrustedIssuer(
  server: string,
  { issuer, resource }: Pick<SignInInfo, 'issuer' | 'resource'>,
  { named, how }: { readonly named: string | undefined; readonly how: string },
): void {
  const isOwn = issuer === `${server}/oidc`
  if (resource !== server && (isOwn || resource !== undefined)) {
    throw serviceFailure(
      'SIGN_IN_FAILED',
      `${server} asks for tokens of another service, ${oneLine(resource ?? 'unnamed')}: ` +
        'give --server the address by which that service knows itself',
    )
  }
  if (isOwn || issuer === named) return
  throw serviceFailure(
    'SIGN_IN_FAILED',
    `${server} sends you to another issuer, ${oneLine(issuer)}: ` +
      `if its administrator told you that it does, say so by ${how}`,
  )
}
