/**
 * The OAuth 2 side of the command line, by openid-client: device authorization (RFC 8628), refresh,
 * revocation (RFC 7009) and client credentials. Endpoints come from the issuer's metadata, whose
 * issuer identifier must be the one that was asked for; a service's own issuer has them at the
 * service, or it could lead to those of another. No message holds a token.
 */
import * as oauth from 'openid-client'
import type { CommandError } from '../command-error.ts'
import { REQUEST_TIMEOUT_MS } from '../limits.ts'
import { oneLine } from '../service/one-line.ts'
import { isLoopback } from '../service/server-url.ts'
import { connectionReason, serviceFailure } from '../service/service-error.ts'

export interface IssuerOptions {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret?: string
  /** Origin of the service, where the issuer is its own. */
  readonly resource?: string | undefined
}

export interface Tokens {
  readonly accessToken: string
  readonly expiresAt: string
  readonly refreshToken?: string
}

/** What the person has to be told. */
export interface DeviceCode {
  readonly verificationUri: string
  readonly verificationUriComplete?: string
  readonly userCode: string
  readonly expiresInSeconds: number
}

/** Of an access token without `expires_in`, which RFC 6749 only recommends. */
const LIFETIME_DEFAULT_SECONDS = 300

export class IssuerClient {
  readonly #config: oauth.Configuration
  readonly #resource: Readonly<Record<string, string>>

  private constructor(config: oauth.Configuration, resource: string | undefined) {
    this.#config = config
    this.#resource = resource === undefined ? {} : { resource }
  }

  /** Reads the issuer's metadata. Throws CommandError SERVER_UNREACHABLE or SERVER_ANSWER. */
  static async discover(options: IssuerOptions): Promise<IssuerClient> {
    const { issuer, clientId, clientSecret, resource } = options
    const url = URL.parse(issuer)
    if (url === null || (url.protocol !== 'https:' && !isLoopback(url))) {
      throw serviceFailure('SERVER_ANSWER', 'The service named an issuer that is not https')
    }
    const authentication =
      clientSecret === undefined ? oauth.None() : oauth.ClientSecretBasic(clientSecret)
    try {
      const config = await oauth.discovery(url, clientId, undefined, authentication, {
        timeout: REQUEST_TIMEOUT_MS / 1000,
        // Plain http was judged above; the library's own rule knows no localhost.
        ...(url.protocol === 'http:' ? { execute: [oauth.allowInsecureRequests] } : {}),
      })
      if (resource !== undefined) requireEndpointsAt(resource, config.serverMetadata())
      return new IssuerClient(config, resource)
    } catch (error) {
      throw failure(`The issuer ${oneLine(issuer)} cannot be used`, error)
    }
  }

  /**
   * The device authorization grant: `tell` is called with what the person has to do. Throws
   * CommandError SIGN_IN_FAILED, or the signal's reason.
   */
  async signIn(
    request: Readonly<Record<string, string>>,
    tell: (code: DeviceCode) => void,
    signal: AbortSignal,
  ): Promise<Tokens> {
    try {
      const response = await oauth.initiateDeviceAuthorization(this.#config, {
        ...request,
        ...this.#resource,
      })
      tell({
        verificationUri: oneLine(response.verification_uri),
        ...(response.verification_uri_complete === undefined
          ? {}
          : { verificationUriComplete: oneLine(response.verification_uri_complete) }),
        userCode: oneLine(response.user_code, 64),
        expiresInSeconds: response.expires_in,
      })
      const answer = await oauth.pollDeviceAuthorizationGrant(
        this.#config,
        response,
        this.#resource,
        { signal: AbortSignal.any([signal, AbortSignal.timeout(response.expires_in * 1000)]) },
      )
      return tokensOf(answer)
    } catch (error) {
      signal.throwIfAborted()
      throw failure('The sign-in failed', error)
    }
  }

  /** Undefined: the issuer no longer accepts the refresh token. */
  async refresh(refreshToken: string): Promise<Tokens | undefined> {
    try {
      return tokensOf(
        await oauth.refreshTokenGrant(this.#config, refreshToken, { ...this.#resource }),
      )
    } catch (error) {
      if (error instanceof oauth.ResponseBodyError && error.error === 'invalid_grant') {
        return undefined
      }
      throw failure('The sign-in cannot be renewed', error)
    }
  }

  /** Idempotent. Throws CommandError when the issuer cannot be reached or refuses. */
  async revoke(refreshToken: string): Promise<void> {
    try {
      await oauth.tokenRevocation(this.#config, refreshToken, { token_type_hint: 'refresh_token' })
    } catch (error) {
      throw failure('The sign-in cannot be ended at the issuer', error)
    }
  }

  /** As a program. */
  async clientCredentials(scope: string | undefined): Promise<Tokens> {
    try {
      return tokensOf(
        await oauth.clientCredentialsGrant(this.#config, {
          ...this.#resource,
          ...(scope === undefined ? {} : { scope }),
        }),
      )
    } catch (error) {
      throw failure('The program cannot sign in', error)
    }
  }
}

function requireEndpointsAt(origin: string, metadata: oauth.ServerMetadata): void {
  const {
    token_endpoint: token,
    device_authorization_endpoint: device,
    revocation_endpoint: revocation,
  } = metadata
  for (const endpoint of [token, device, revocation]) {
    if (endpoint !== undefined && URL.parse(endpoint)?.origin !== origin) {
      throw new Error('its endpoints are elsewhere')
    }
  }
}

function tokensOf(answer: oauth.TokenEndpointResponse): Tokens {
  const seconds = answer.expires_in ?? LIFETIME_DEFAULT_SECONDS
  return {
    accessToken: answer.access_token,
    expiresAt: new Date(Date.now() + seconds * 1000).toISOString(),
    ...(answer.refresh_token === undefined ? {} : { refreshToken: answer.refresh_token }),
  }
}

/** The issuer's words for the usual ends of a sign-in, and what to do. */
const OUTCOMES: Readonly<Record<string, string>> = {
  access_denied: 'it was refused in the browser',
  expired_token: 'nobody approved the code in time; run the command again',
  invalid_client: 'the issuer does not know this client ID, or the secret is wrong',
  unauthorized_client: 'the issuer does not allow this client to sign in this way',
}

function failure(what: string, error: unknown): CommandError {
  if (
    error instanceof oauth.ResponseBodyError ||
    error instanceof oauth.AuthorizationResponseError
  ) {
    const why = OUTCOMES[error.error] ?? oneLine(error.error_description ?? error.error)
    return serviceFailure('SIGN_IN_FAILED', `${what}: ${why.replace(/\.$/, '')}`, error)
  }
  // How a client that cannot prove itself is refused where it tried by a header.
  if (error instanceof oauth.WWWAuthenticateChallengeError) {
    return serviceFailure('SIGN_IN_FAILED', `${what}: ${OUTCOMES['invalid_client']}`, error)
  }
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return serviceFailure('SIGN_IN_FAILED', `${what}: ${OUTCOMES['expired_token']}`, error)
  }
  const isNetwork = error instanceof TypeError && error.message === 'fetch failed'
  return serviceFailure(
    isNetwork || isTimeout(error) ? 'SERVER_UNREACHABLE' : 'SERVER_ANSWER',
    `${what}: ${connectionReason(error)}`,
    error,
  )
}

function isTimeout(error: unknown): boolean {
  return error instanceof oauth.ClientError && error.code === 'OAUTH_TIMEOUT'
}
