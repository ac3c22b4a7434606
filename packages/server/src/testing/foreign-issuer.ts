/**
 * An OpenID Connect issuer of another make-up than ours, as a process: RS256, other client
 * authentication, claims at the user info endpoint. It signs in whoever the test names, without a
 * page. Prints `listening <port>`. Started by issuer-process.ts.
 *
 * `POST /test/…` are orders of the test: `person` (who signs in next, and how), `rotate` (new
 * signing keys).
 */

import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Provider, type ClientMetadata, type JWK } from 'oidc-provider'

interface Options {
  readonly client: ClientMetadata
  /** Where claims of the profile are: in the ID token, or only at the user info endpoint. */
  readonly claimsInIdToken: boolean
  readonly authTime: boolean
}

interface Person {
  readonly sub: string
  readonly claims: Readonly<Record<string, unknown>>
  readonly acr?: string
  readonly amr?: readonly string[]
  /** Seconds ago; 0: just now. */
  readonly signedInAgo?: number
}

const options = JSON.parse(process.env['ISSUER_OPTIONS'] ?? '{}') as Options
let person: Person = { sub: 'nobody', claims: {} }
let provider: Provider
const people = new Map<string, Person>()

const server = createServer((request, response) => void answer(request, response))
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  provider = makeProvider()
  process.stdout.write(`listening ${port}\n`)
})

function signingKey(): JWK {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwk = privateKey.export({ format: 'jwk' })
  return Object.assign(jwk, { kid: randomUUID(), alg: 'RS256', use: 'sig' })
}

function makeProvider(): Provider {
  const { port } = server.address() as AddressInfo
  const made = new Provider(`http://127.0.0.1:${port}`, {
    clients: [options.client],
    jwks: { keys: [signingKey()] },
    conformIdTokenClaims: !options.claimsInIdToken,
    claims: {
      openid: ['sub', 'oid', 'acr', 'amr'],
      profile: ['name', 'upn', 'preferred_username', 'groups', 'hasgroups', '_claim_names'],
      email: ['email'],
      ...(options.authTime ? { auth_time: null } : {}),
    },
    acrValues: ['strong'],
    pkce: { required: () => true },
    cookies: { keys: [randomUUID()] },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: true, logoutSource: confirmSignOut },
    },
    interactions: { url: (_, { uid }) => `/enter/${uid}` },
    findAccount: async (_, id) => ({
      accountId: id,
      claims: async () => ({ ...people.get(id)?.claims, sub: id }),
    }),
    loadExistingGrant: async (ctx) => {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client?.clientId ?? '',
        accountId: ctx.oidc.session?.accountId ?? '',
      })
      grant.addOIDCScope('openid profile email')
      await grant.save()
      return grant
    },
  })
  // The test's server is https://keydesk.example; this one is plain http on this machine.
  made.on('server_error', (_, error) => process.stderr.write(`${error.stack}\n`))
  return made
}

function confirmSignOut(ctx: { body: unknown }, form: string): void {
  ctx.body = `<!doctype html><title>Sign out</title>${form}`
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { url = '/' } = request
  if (url === '/test/person') {
    person = JSON.parse(await bodyOf(request)) as Person
    people.set(person.sub, person)
    response.end()
    return
  }
  if (url === '/test/rotate') {
    provider = makeProvider()
    response.end()
    return
  }
  if (url.startsWith('/enter/')) {
    const { sub, acr, amr, signedInAgo = 0 } = person
    const ts = Math.floor(Date.now() / 1000) - signedInAgo
    await provider.interactionFinished(request, response, {
      login: {
        accountId: sub,
        ts,
        ...(acr === undefined ? {} : { acr }),
        ...(amr === undefined ? {} : { amr: [...amr] }),
      },
    })
    return
  }
  await provider.callback()(request, response)
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request) body += String(chunk)
  return body
}
