/**
 * This server as a client of its issuer (openid-client). The issuer's metadata is fetched when it
 * is first needed and again from time to time: an issuer that is away keeps no key from being
 * stored and no server from starting, and a sign-in works as soon as it is back.
 *
 * The built-in issuer is asked without the network, so it does not matter what stands before this
 * server.
 */

import { readFile } from 'node:fs/promises'
import { importJWK, importPKCS8 } from 'jose'
import * as oidc from 'openid-client'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { portalClient } from '../issuer/clients.ts'
import { currentIssuer } from '../sessions/authenticate-session.ts'

/** Keys are fetched at every sign-in; what changes besides is the address of an endpoint. */
const METADATA_AGE_MS = 60 * 60 * 1000
const TIMEOUT_SECONDS = 10
/** Signatures that only the issuer can make: never `none`, never one under the client's secret. */
const SIGNING_ALGORITHMS = /^(RS|PS|ES)(256|384|512)$|^(EdDSA|Ed25519)$/
const RSA_BITS_MIN = 2048

export interface IssuerClient {
  /** A configuration for one sign-in. Throws AppError ISSUER_UNAVAILABLE. */
  readonly configuration: () => Promise<oidc.Configuration>
}

type Fetch = oidc.CustomFetch

/** `ownFetch`: how the built-in issuer is reached. */
export function createIssuerClient(
  deps: Pick<Deps, 'config' | 'keyring' | 'log'>,
  ownFetch: Fetch,
): IssuerClient {
  const { config } = deps
  const issuer = currentIssuer(config)
  let known: { readonly metadata: oidc.ServerMetadata; readonly at: number } | undefined
  let underWay: Promise<oidc.ServerMetadata> | undefined
  const isOwn = config.oidcIssuer === undefined

  async function metadata(): Promise<oidc.ServerMetadata> {
    if (known !== undefined && performance.now() - known.at < METADATA_AGE_MS) return known.metadata
    underWay ??= discover(issuer, isOwn ? ownFetch : undefined).finally(() => {
      underWay = undefined
    })
    const found = await underWay
    known = { metadata: found, at: performance.now() }
    return found
  }

  return {
    configuration: async () => {
      let found: oidc.ServerMetadata
      try {
        found = await metadata()
      } catch (error) {
        deps.log.warn({ err: error, issuer }, 'the issuer cannot be asked for its metadata')
        throw new AppError(
          'ISSUER_UNAVAILABLE',
          'The service where people sign in cannot be reached. Try again in a minute.',
          { retryAfterSeconds: 30, cause: error },
        )
      }
      const client = isOwn ? ownClient(deps) : await externalClient(deps, found)
      const made = new oidc.Configuration(found, client.id, client.metadata, client.authentication)
      made.timeout = TIMEOUT_SECONDS
      if (isOwn) made[oidc.customFetch] = ownFetch
      if (issuer.startsWith('http:')) allowHttp(made)
      // The connection is not the proof: the signature of every ID token is checked.
      oidc.enableNonRepudiationChecks(made)
      return made
    },
  }
}

async function discover(issuer: string, ownFetch: Fetch | undefined): Promise<oidc.ServerMetadata> {
  const found = await oidc.discovery(new URL(issuer), 'discovery', undefined, oidc.None(), {
    timeout: TIMEOUT_SECONDS,
    ...(ownFetch === undefined ? {} : { [oidc.customFetch]: ownFetch }),
    ...(issuer.startsWith('http:') ? { execute: [allowHttp] } : {}),
  })
  const metadata = found.serverMetadata()
  // The library is lenient with a slash at the end and with Entra ID's "common", where people of
  // every organisation sign in.
  if (metadata.issuer !== issuer) {
    throw new Error(`the issuer calls itself ${metadata.issuer}: set KEYDESK_OIDC_ISSUER to that`)
  }
  const algorithms = (metadata.id_token_signing_alg_values_supported ?? []).filter((name) =>
    SIGNING_ALGORITHMS.test(name),
  )
  const allowed = algorithms.length === 0 ? ['RS256'] : algorithms
  return Object.assign(metadata, { id_token_signing_alg_values_supported: allowed })
}

/**
 * Only with an http issuer, which the settings allow on this machine only. The very function: the
 * library looks for it by identity.
 */
// oxlint-disable-next-line typescript/no-deprecated -- the library's way of marking it as unsafe
const allowHttp = oidc.allowInsecureRequests

interface Client {
  readonly id: string
  readonly metadata: Partial<oidc.ClientMetadata>
  readonly authentication: oidc.ClientAuth
}

function ownClient(deps: Pick<Deps, 'config' | 'keyring'>): Client {
  const { clientId, clientSecret } = portalClient(deps)
  const authentication = oidc.ClientSecretBasic(clientSecret.reveal())
  return { id: clientId, metadata: {}, authentication }
}

/** Files are read anew each time, so a secret can be replaced while the server runs. */
async function externalClient(
  { config, log }: Pick<Deps, 'config' | 'log'>,
  metadata: oidc.ServerMetadata,
): Promise<Client> {
  const id = config.oidcClientId ?? ''
  try {
    if (config.oidcPrivateKeyFile !== undefined) {
      const key = await readPrivateKey(config.oidcPrivateKeyFile)
      return { id, metadata: {}, authentication: oidc.PrivateKeyJwt(key) }
    }
    const secret = (await readFile(config.oidcClientSecretFile ?? '', 'utf8')).trim()
    if (secret === '') throw new Error('the file is empty')
    const methods = metadata.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
    const authentication = methods.includes('client_secret_basic')
      ? oidc.ClientSecretBasic(secret)
      : oidc.ClientSecretPost(secret)
    return { id, metadata: {}, authentication }
  } catch (error) {
    log.error({ err: error }, 'the client secret or private key for the issuer cannot be read')
    throw new AppError('ISSUER_UNAVAILABLE', 'Signing in is not set up correctly on this server.', {
      cause: error,
    })
  }
}

/** A JWK or PKCS #8 in PEM. Throws an Error without any of its content. */
async function readPrivateKey(file: string): Promise<oidc.PrivateKey> {
  const text = await readFile(file, 'utf8')
  try {
    const { key, kid } = text.includes('-----BEGIN') ? await fromPem(text) : await fromJwk(text)
    if ('modulusLength' in key.algorithm && Number(key.algorithm.modulusLength) < RSA_BITS_MIN) {
      throw new TypeError('too short')
    }
    return kid === undefined ? { key } : { key, kid }
  } catch {
    throw new TypeError('it must be a private key as JWK or PKCS #8: EC P-256, or RSA of 2048 bits')
  }
}

async function fromJwk(text: string): Promise<{ key: oidc.CryptoKey; kid: string | undefined }> {
  const jwk = JSON.parse(text) as Record<string, unknown>
  const alg = typeof jwk['alg'] === 'string' ? jwk['alg'] : jwk['kty'] === 'EC' ? 'ES256' : 'PS256'
  const key = await importJWK(jwk, alg)
  if (!('algorithm' in key) || key.type !== 'private') throw new TypeError('not private')
  return { key, kid: typeof jwk['kid'] === 'string' ? jwk['kid'] : undefined }
}

async function fromPem(text: string): Promise<{ key: oidc.CryptoKey; kid: undefined }> {
  const key = await importPKCS8(text, 'ES256').catch(async () => await importPKCS8(text, 'PS256'))
  return { key, kid: undefined }
}
