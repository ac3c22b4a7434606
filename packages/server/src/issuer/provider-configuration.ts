/**
 * How the built-in issuer behaves: every setting of oidc-provider that differs from its default,
 * with what is off. Codes need PKCE with S256; there is no implicit grant, no request object, no
 * dynamic registration; access tokens are JWTs for this service only.
 */

import { createHmac } from 'node:crypto'
import {
  errors,
  interactionPolicy,
  Provider,
  type Adapter,
  type Client,
  type Configuration,
  type Grant,
  type KoaContextWithOIDC,
} from 'oidc-provider'
import { ACR_MFA, ACR_PASSWORD } from '../access/step-up-acr.ts'
import type { Deps } from '../deps.ts'
import { derivedKey } from '../vault/derived-key.ts'
import { acceptAssertion, findAppClient } from './app-client.ts'
import { ownClients, PORTAL_CLIENT_ID, scopesOfClient } from './clients.ts'
import { CLAIMS_OF_SCOPES, findAccount } from './find-account.ts'
import * as pages from './pages.ts'
import { ACCESS_TOKEN_SECONDS, type SigningKey } from './signing-keys.ts'
import { createStateAdapter, type FoundSession } from './state-adapter.ts'
import { textOf } from './text-of.ts'
import { tokenClaims } from './token-claims.ts'
import { rememberVisit } from './visit-cookie.ts'

const COOKIE_LABEL = 'keydesk issuer-cookie v1'
const MINUTE = 60
const DAY = 24 * 60 * MINUTE
/**
 * From one request to the next. Long enough to connect a program right after signing in; so short
 * that who left a browser, whose session in the portal has gone idle, has to prove himself again.
 */
const SESSION_SECONDS = 10 * MINUTE
/** From the sign-in on, however busy the browser is: a working day. */
const SESSION_SECONDS_MAX = 12 * 60 * MINUTE
/** A program that is not used for so long has to be connected again. */
const REFRESH_TOKEN_SECONDS = 14 * DAY
/** From the sign-in on, however often it was refreshed. */
const GRANT_SECONDS = 90 * DAY

type IssuerDeps = Pick<Deps, 'config' | 'db' | 'keyring' | 'clock' | 'log'>

/** Below `{origin}/oidc`. */
const ISSUER_ROUTES = {
  authorization: '/auth',
  code_verification: '/device',
  device_authorization: '/device/auth',
  end_session: '/session/end',
  jwks: '/jwks',
  revocation: '/token/revocation',
  token: '/token',
} as const

export function providerConfiguration(
  deps: IssuerDeps,
  keys: readonly SigningKey[],
): Configuration {
  const { config, db } = deps
  return {
    adapter: (model) => adapterOf(deps, model),
    clients: ownClients(deps),
    clientDefaults: { id_token_signed_response_alg: 'ES256', response_modes: ['query'] },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    assertJwtClientAuthClaimsAndHeader: async (_, { iat, exp }, { kid }, client) => {
      await acceptAssertion(deps, client.clientId, { iat, exp, kid })
    },
    jwks: { keys: keys.map(({ id, privateJwk }) => ({ ...privateJwk, kid: id, alg: 'ES256' })) },
    enabledJWA: onlyEs256(),
    acrValues: [ACR_PASSWORD, ACR_MFA],
    scopes: ['openid', 'offline_access', 'profile', 'email', 'groups'],
    claims: { ...CLAIMS_OF_SCOPES, iss: null, sid: null },
    responseTypes: ['code'],
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    clientBasedCORS: () => false,
    routes: ISSUER_ROUTES,
    cookies: cookieSettings(deps),
    ttl: lifetimes(deps),
    clockTolerance: 5,
    findAccount: async ({ oidc }, id, token) => {
      // A token says when its sign-in was; without one the browser's session is asked about.
      const signedInAt = token === undefined ? oidc.session?.authTime() : signInTime(token)
      return await findAccount(db, id, signedInAt)
    },
    extraTokenClaims: async (ctx, token) => await tokenClaims(deps, ctx, token),
    loadExistingGrant: async (ctx) => await ownGrant(config.origin, ctx),
    interactions: {
      policy: signInPolicy(),
      url: (ctx, { uid }) => {
        rememberVisit(deps, ctx.cookies, uid)
        return `/sign-in/with/${uid}`
      },
    },
    // A program stays connected when the person leaves the browser in which he allowed it.
    expiresWithSession: () => false,
    issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    renderError: (ctx, out) => pages.issuerErrorPage(ctx, out.error_description),
    features: features(config.origin),
  }
}

function features(origin: string): NonNullable<Configuration['features']> {
  return {
    devInteractions: { enabled: false },
    dPoP: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    userinfo: { enabled: false },
    clientCredentials: { enabled: true },
    revocation: {
      enabled: true,
      allowedPolicy: (_, client, token) => token.clientId === client.clientId,
    },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx) => pages.signOutPage(ctx),
      postLogoutSuccessSource: (ctx) => pages.signedOutPage(ctx),
    },
    deviceFlow: {
      enabled: true,
      userCodeInputSource: (ctx, _form, _out, error) => pages.userCodePage(ctx, error),
      userCodeConfirmSource: (ctx, _form, client, deviceInfo, userCode) => {
        const { params } = ctx.oidc.entities.DeviceCode ?? {}
        pages.confirmPage(ctx, {
          program: client.clientName ?? client.clientId,
          address: textOf(deviceInfo['ip']),
          userCode,
          scopes: textOf(params?.['scope']).split(' '),
        })
      },
      successSource: (ctx) => pages.connectedPage(ctx),
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => origin,
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, resource, client) => {
        if (resource !== origin) throw new errors.InvalidTarget('this issuer serves itself only')
        return {
          audience: origin,
          scope: scopesOfClient(client.clientId, origin).join(' '),
          accessTokenFormat: 'jwt',
          accessTokenTTL: ACCESS_TOKEN_SECONDS,
          jwt: { sign: { alg: 'ES256' } },
        }
      },
    },
  }
}

function adapterOf(deps: IssuerDeps, model: string): Adapter {
  const adapter = createStateAdapter(deps, model, {
    isPolling: () => Provider.ctx?.oidc.route === 'token',
    foundSession,
  })
  if (model !== 'Client') return adapter
  return {
    ...adapter,
    find: async (id) => {
      const assertion = Provider.ctx?.oidc.params?.['client_assertion']
      return await findAppClient(deps, id, assertion !== undefined)
    },
  }
}

/** A session that came from the store has the time at which it was first put there. */
function foundSession(): FoundSession | undefined {
  const session = Provider.ctx?.oidc.session as (FoundSession & { iat?: number }) | undefined
  return session?.iat === undefined ? undefined : session
}

function signInTime(token: object): number | undefined {
  return 'authTime' in token && typeof token.authTime === 'number' ? token.authTime : undefined
}

function onlyEs256(): Configuration['enabledJWA'] {
  return {
    clientAuthSigningAlgValues: ['ES256'],
    idTokenSigningAlgValues: ['ES256'],
    requestObjectSigningAlgValues: ['ES256'],
    userinfoSigningAlgValues: ['ES256'],
    introspectionSigningAlgValues: ['ES256'],
    authorizationSigningAlgValues: ['ES256'],
  }
}

/**
 * `__Host-` and `__Secure-` keep other hosts and plain HTTP from setting them. The two of an
 * interaction have paths of their own, which `__Host-` does not allow.
 */
function cookieSettings({ config, keyring }: IssuerDeps): Configuration['cookies'] {
  const secure = config.origin.startsWith('https:')
  const prefix = secure ? '__Secure-keydesk' : 'keydesk-insecure-localhost'
  const key = createHmac('sha256', derivedKey(keyring, COOKIE_LABEL)).update('signature')
  return {
    names: {
      session: secure ? '__Host-keydesk-issuer' : 'keydesk-insecure-localhost-issuer',
      interaction: `${prefix}-sign-in`,
      resume: `${prefix}-resume`,
    },
    keys: [key.digest('base64url')],
    long: { httpOnly: true, sameSite: 'lax', secure, signed: true },
    short: { httpOnly: true, sameSite: 'lax', secure, signed: true },
  }
}

function lifetimes({ clock }: IssuerDeps): NonNullable<Configuration['ttl']> {
  return {
    AccessToken: ACCESS_TOKEN_SECONDS,
    ClientCredentials: ACCESS_TOKEN_SECONDS,
    AuthorizationCode: MINUTE,
    DeviceCode: 10 * MINUTE,
    Grant: GRANT_SECONDS,
    IdToken: ACCESS_TOKEN_SECONDS,
    Interaction: 30 * MINUTE,
    RefreshToken: REFRESH_TOKEN_SECONDS,
    Session: (_, { loginTs }) => {
      if (loginTs === undefined) return SESSION_SECONDS
      const age = Math.floor(clock.now().getTime() / 1000) - loginTs
      return Math.max(1, Math.min(SESSION_SECONDS, SESSION_SECONDS_MAX - age))
    },
  }
}

/**
 * When a person is asked: where he is not signed in, where the sign-in is too old (`max_age`),
 * where a second factor is wanted (`acr_values`) and was not used, and where a program says so (`prompt`).
 * Nobody is asked for consent: all programs that act for people are Keydesk's own, and what a
 * device code connects is confirmed on its own page.
 */
function signInPolicy() {
  const policy = interactionPolicy.base()
  policy.remove('consent')
  const login = policy.get('login')
  if (login === undefined) throw new TypeError('oidc-provider has no login prompt')
  const { Check } = interactionPolicy
  login.checks.add(
    new Check('account_gone', 'the account was disabled or deleted', ({ oidc }) => {
      const isGone = oidc.session?.accountId !== undefined && oidc.account === undefined
      return isGone ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT
    }),
  )
  login.checks.add(
    new Check('acr_values', 'a second factor is wanted', ({ oidc }) => {
      const wanted = textOf(oidc.params?.['acr_values']).split(' ')
      const isMissing = wanted.includes(ACR_MFA) && oidc.session?.acr !== ACR_MFA
      // Once in each interaction: whoever has no second factor gets back without one.
      return isMissing && oidc.result?.login === undefined
        ? Check.REQUEST_PROMPT
        : Check.NO_NEED_TO_PROMPT
    }),
  )
  return policy
}

/** A grant of its own for every sign-in of a program: one is ended without the others. */
async function ownGrant(origin: string, ctx: KoaContextWithOIDC): Promise<Grant | undefined> {
  const { account, client, provider } = ctx.oidc
  if (account === undefined || client === undefined) return undefined
  const grant = new provider.Grant({ accountId: account.accountId, clientId: client.clientId })
  grant.addOIDCScope('openid offline_access profile email groups')
  const scopes = scopesOfClient(client.clientId, origin)
  if (scopes.length > 0) grant.addResourceScope(origin, scopes.join(' '))
  await grant.save()
  return grant
}

/** Secrets of apps are compared by their hashes; the portal's follows from the vault key. */
export function acceptAppSecrets(
  provider: Provider,
  isAppSecret: (appId: string, secret: string) => Promise<boolean>,
): void {
  const { prototype } = provider.Client as unknown as { prototype: Client }
  // oxlint-disable-next-line typescript/unbound-method -- it is called with its `this` below
  const compareOwn = prototype.compareClientSecret
  prototype.compareClientSecret = async function compare(this: Client, secret: string) {
    return this.clientId === PORTAL_CLIENT_ID
      ? await compareOwn.call(this, secret)
      : await isAppSecret(this.clientId, secret)
  }
}
