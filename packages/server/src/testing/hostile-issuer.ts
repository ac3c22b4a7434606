/**
 * An issuer that cheats, as a process: it makes the tokens and answers that no real one would.
 * Prints `listening <port>`. Started by issuer-process.ts.
 *
 * `POST /test/cheat` says how the next answers deviate (`Cheat`), `GET /test/seen` what the client
 * has sent.
 */

import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT, UnsecuredJWT, exportJWK, generateKeyPair } from 'jose'

export interface Cheat {
  /** Claims of the ID token that differ; null leaves one out. */
  readonly claims?: Readonly<Record<string, unknown>>
  readonly signature?: 'none' | 'stripped' | 'otherKey' | 'clientSecret' | 'embeddedKey'
  /** `iss` of the answer; null leaves it out. */
  readonly iss?: string | null
  /** Gives tokens without looking at the PKCE verifier. */
  readonly metadata?: Readonly<Record<string, unknown>>
}

const CLIENT_SECRET = process.env['ISSUER_CLIENT_SECRET'] ?? ''
const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
const other = await generateKeyPair('RS256', { extractable: true })
const kid = randomUUID()
const codes = new Map<string, { nonce: string; clientId: string; challenge: string }>()
const seen: Record<string, unknown>[] = []
let cheat: Cheat = {}

const server = createServer((request, response) => void answer(request, response))
server.listen(0, '127.0.0.1', () => process.stdout.write(`listening ${portOf()}\n`))

function portOf(): number {
  return (server.address() as AddressInfo).port
}

function issuer(): string {
  return `http://127.0.0.1:${portOf()}`
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', issuer())
  switch (url.pathname) {
    case '/.well-known/openid-configuration':
      return json(response, 200, metadata())
    case '/jwks':
      return json(response, 200, { keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'RS256' }] })
    case '/auth':
      return authorize(url, response)
    case '/token':
      return await token(new URLSearchParams(await bodyOf(request)), request, response)
    case '/test/cheat':
      cheat = JSON.parse(await bodyOf(request)) as Cheat
      return json(response, 200, {})
    case '/test/seen':
      return json(response, 200, seen)
    default:
      return json(response, 404, {})
  }
}

function metadata(): object {
  return {
    issuer: issuer(),
    authorization_endpoint: `${issuer()}/auth`,
    token_endpoint: `${issuer()}/token`,
    jwks_uri: `${issuer()}/jwks`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256', 'none', 'HS256'],
    authorization_response_iss_parameter_supported: true,
    ...cheat.metadata,
  }
}

function authorize(url: URL, response: ServerResponse): void {
  const query = url.searchParams
  seen.push({ authorization: Object.fromEntries(query) })
  const code = randomUUID()
  codes.set(code, {
    nonce: query.get('nonce') ?? '',
    clientId: query.get('client_id') ?? '',
    challenge: query.get('code_challenge') ?? '',
  })
  const back = new URL(query.get('redirect_uri') ?? '')
  back.searchParams.set('code', code)
  back.searchParams.set('state', query.get('state') ?? '')
  if (cheat.iss !== null) back.searchParams.set('iss', cheat.iss ?? issuer())
  response.writeHead(303, { location: back.href }).end()
}

async function token(
  form: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  seen.push({ token: Object.fromEntries(form), authorization: request.headers.authorization })
  const code = codes.get(form.get('code') ?? '')
  codes.delete(form.get('code') ?? '')
  const verifier = form.get('code_verifier') ?? ''
  const challenge = createHash('sha256').update(verifier).digest('base64url')
  if (code === undefined || code.challenge !== challenge) {
    return json(response, 400, { error: 'invalid_grant' })
  }
  const now = Math.floor(Date.now() / 1000)
  const claims = Object.entries({
    iss: issuer(),
    sub: 'mallory',
    aud: code.clientId,
    iat: now,
    exp: now + 300,
    auth_time: now,
    nonce: code.nonce,
    preferred_username: 'mallory@keydesk.example',
    groups: [],
    ...cheat.claims,
  }).filter(([, value]) => value !== null)
  return json(response, 200, {
    access_token: randomUUID(),
    token_type: 'Bearer',
    expires_in: 300,
    id_token: await signed(Object.fromEntries(claims)),
  })
}

async function signed(claims: Record<string, unknown>): Promise<string> {
  const honest = new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid })
  switch (cheat.signature) {
    case 'none':
      return new UnsecuredJWT(claims).encode()
    case 'stripped':
      return (await honest.sign(privateKey)).replace(/[^.]*$/, '')
    case 'otherKey':
      return await honest.sign(other.privateKey)
    case 'clientSecret':
      return await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256' })
        .sign(new TextEncoder().encode(CLIENT_SECRET))
    case 'embeddedKey':
      return await new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256', jwk: await exportJWK(other.publicKey) })
        .sign(other.privateKey)
    case undefined:
  }
  return await honest.sign(privateKey)
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request) body += String(chunk)
  return body
}
