/**
 * The built-in OpenID Connect issuer at `{origin}/oidc`: oidc-provider, its state in PostgreSQL.
 * It knows people only as accounts; how somebody proves who he is, is asked on the pages below
 * `/sign-in/with/`, which are not part of it.
 *
 * What those pages and the issuer agree on (one interaction is one visit to them):
 * 1. The issuer sends the browser to `/sign-in/with/{uid}`, with a cookie for that path. The route
 *    is `GET /sign-in/with/:uid`; forms and steps of it lie below the same path, so they get the
 *    cookie too.
 * 2. The page calls `interaction(request, reply)`: who asks, why, and whether somebody is signed
 *    in already (then he only adds his second factor, or proves himself again). It throws AppError
 *    NOT_FOUND where there is no interaction, it has expired, or its cookie is of another browser.
 * 3. It ends by `finishInteraction(request, reply, { accountId, provedAt, acr, amr })`, or by
 *    `abortInteraction`, which tells the program `access_denied`. Both return the address to send
 *    the browser to with 303 (of this origin, under /oidc).
 * `acr` is ACR_PASSWORD or ACR_MFA; `amr` are RFC 8176 names. If a second factor was wanted
 * (`acrValues` has ACR_MFA) and the account has none, the page may finish with ACR_PASSWORD:
 * whoever wanted it then refuses. There is no consent: device codes are confirmed on a page of the
 * issuer.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { errors, Provider, type InteractionResults } from 'oidc-provider'
import type { Deps } from '../deps.ts'
import { pageHeaders } from '../sign-in-pages/page.ts'
import { isAppSecret } from './app-client.ts'
import { asIssuerRequest } from './issuer-request.ts'
import { withButton } from './pages.ts'
import { acceptAppSecrets, providerConfiguration } from './provider-configuration.ts'
import { createSigningKeys, type SigningKeys } from './signing-keys.ts'
import { textOf } from './text-of.ts'
import { requireOwnVisit, visitGone } from './visit-cookie.ts'

export interface SignInInteraction {
  readonly uid: string
  /** Name of the program that asks, for people. */
  readonly clientName: string
  readonly clientId: string
  /** `no_session`, `login_prompt`, `max_age`, `acr_values`, `account_gone`, … */
  readonly reasons: readonly string[]
  readonly acrValues: readonly string[]
  readonly loginHint: string | undefined
  /** Who is signed in at the issuer in this browser: he proves himself again. */
  readonly accountId: string | undefined
}

interface SignInResult {
  /** ID of the directory user. */
  readonly accountId: string
  /** When he gave the first proof: that is when he signed in, however late the browser goes on. */
  readonly provedAt: Date
  readonly acr: string
  readonly amr: readonly string[]
}

export interface Issuer {
  /** `iss` of its tokens: `{origin}/oidc`. */
  readonly url: string
  readonly keys: SigningKeys
  /** Throws AppError NOT_FOUND. */
  interaction(request: FastifyRequest, reply: FastifyReply): Promise<SignInInteraction>
  /** Returns where to send the browser (303). Throws AppError NOT_FOUND. */
  finishInteraction(
    request: FastifyRequest,
    reply: FastifyReply,
    result: SignInResult,
  ): Promise<string>
  /** Returns where to send the browser (303). Throws AppError NOT_FOUND. */
  abortInteraction(request: FastifyRequest, reply: FastifyReply): Promise<string>
  /** Signs the browser out at the issuer, without asking. */
  endBrowserSession(request: FastifyRequest, reply: FastifyReply): Promise<void>
  /** Answers a request below `/oidc`, whose path comes without that. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>
}

type IssuerDeps = Pick<Deps, 'config' | 'db' | 'keyring' | 'clock' | 'log'>

/** `onClientRefused`: a program could not prove itself. */
export function createIssuer(deps: IssuerDeps, onClientRefused: () => void): Issuer {
  const url = `${deps.config.origin}/oidc`
  const keys = createSigningKeys(deps)
  let current: { readonly keyIds: string; readonly provider: Provider } | undefined

  /** Made anew when the keys change: the library takes them once. It holds no other state. */
  async function provider(): Promise<Provider> {
    const published = await keys.published()
    const keyIds = published.map(({ id }) => id).join(' ')
    if (current?.keyIds !== keyIds) {
      const made = new Provider(url, providerConfiguration(deps, published))
      prepare(made, deps, onClientRefused)
      current = { keyIds, provider: made }
    }
    return current.provider
  }

  return {
    url,
    keys,
    interaction: async (request, reply) => {
      requireOwnVisit(deps, request)
      return await describe(await provider(), request, reply)
    },
    finishInteraction: async (request, reply, { accountId, provedAt, acr, amr }) => {
      requireOwnVisit(deps, request)
      const ts = Math.floor(provedAt.getTime() / 1000)
      const login = { accountId, ts, acr, amr: [...amr], remember: true }
      return await finish(await provider(), request, reply, { login })
    },
    abortInteraction: async (request, reply) => {
      requireOwnVisit(deps, request)
      const result = { error: 'access_denied', error_description: 'the person did not sign in' }
      return await finish(await provider(), request, reply, result)
    },
    endBrowserSession: async (request, reply) => {
      const its = await provider()
      const ctx = its.createContext(asIssuerRequest(deps.config, request), reply.raw)
      const session = await its.Session.get(ctx)
      if (session.accountId !== undefined) await session.destroy()
    },
    handle: async (request, response) => {
      await (await provider()).callback()(request, response)
    },
  }
}

function prepare(provider: Provider, deps: IssuerDeps, onClientRefused: () => void): void {
  // The host and the scheme come from the configuration, by headers that `issuer-request.ts` sets.
  provider.proxy = true
  acceptAppSecrets(provider, async (appId, secret) => await isAppSecret(deps, appId, secret))
  provider.use(async (ctx, next) => {
    await next()
    const page = typeof ctx.body === 'string' ? withButton(ctx.body) : undefined
    if (page === undefined) return
    ctx.set(pageHeaders())
    ctx.body = page
  })
  const report = (error: unknown): void =>
    deps.log.error({ err: error }, 'the built-in issuer failed')
  // What koa itself catches; its own would write to the console.
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a method of koa
  provider.onerror = report
  provider.on('server_error', (_, error) => report(error))
  provider.on('grant.error', (_, error) => {
    if (error instanceof errors.InvalidClientAuth) onClientRefused()
  })
}

async function describe(
  provider: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<SignInInteraction> {
  const { uid, params, prompt, session } = await find(provider, request, reply)
  const clientId = textOf(params['client_id'])
  const client = await provider.Client.find(clientId)
  const account = session?.accountId
  const hint = params['login_hint']
  return {
    uid,
    clientId,
    clientName: client?.clientName ?? clientId,
    reasons: prompt.reasons,
    acrValues: textOf(params['acr_values'])
      .split(' ')
      .filter((value) => value !== ''),
    loginHint: typeof hint === 'string' ? hint : undefined,
    accountId: prompt.reasons.includes('account_gone') ? undefined : account,
  }
}

async function find(provider: Provider, request: FastifyRequest, reply: FastifyReply) {
  const { uid } = request.params as { readonly uid?: string }
  try {
    const interaction = await provider.interactionDetails(request.raw, reply.raw)
    if (interaction.uid === uid) return interaction
  } catch (error) {
    if (!(error instanceof errors.SessionNotFound)) throw error
  }
  throw visitGone()
}

async function finish(
  provider: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
  result: InteractionResults,
): Promise<string> {
  const interaction = await find(provider, request, reply)
  const { session } = interaction
  if (session !== undefined && result.login !== undefined) {
    // The library would ask the browser to sign the other person out by an inline script.
    if (session.accountId !== result.login.accountId) {
      const stored = await provider.Session.findByUid(session.uid)
      await stored?.destroy()
      delete interaction.session
    }
  }
  interaction.result = result
  await interaction.persist()
  return interaction.returnTo
}
