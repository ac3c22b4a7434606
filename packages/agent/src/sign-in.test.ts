/** The sign-in against an issuer made of answers; with the real one: agent-sign-in.e2e.ts. */
import { describe, expect, test } from 'vitest'
import { signIn } from './sign-in.ts'
import { TestClock } from './testing/test-agent.ts'

const SERVER = 'https://keydesk.example'
const ISSUER = `${SERVER}/oidc`
const TOKEN = 'header.payload.signature'

type Answers = Readonly<Record<string, (form: URLSearchParams) => Response | Promise<Response>>>

const INFO = {
  issuer: ISSUER,
  audience: SERVER,
  resource: SERVER,
  agent: { clientId: 'keydesk-agent', scope: 'openid Keydesk.EnrollDevice' },
}
const METADATA = {
  issuer: ISSUER,
  device_authorization_endpoint: `${ISSUER}/device/auth`,
  token_endpoint: `${ISSUER}/token`,
}
const CODE = {
  device_code: 'device-code',
  user_code: 'WDJB-MJHT',
  verification_uri: `${ISSUER}/device`,
  verification_uri_complete: `${ISSUER}/device?user_code=WDJB-MJHT`,
  expires_in: 600,
  interval: 5,
}
const problem = (error: string) => Response.json({ error }, { status: 400 })

const HONEST: Answers = {
  '/api/v1/sign-in-info': () => Response.json(INFO),
  '/oidc/.well-known/openid-configuration': () => Response.json(METADATA),
  '/oidc/device/auth': () => Response.json(CODE),
  '/oidc/token': () => Response.json({ access_token: TOKEN, token_type: 'Bearer' }),
}

class Bench {
  readonly clock = new TestClock(Date.parse('2026-11-22T12:00:00Z'))
  readonly requests: { url: string; form: URLSearchParams }[] = []
  told = ''
  readonly #issuer: string | undefined

  constructor(issuer?: string) {
    this.#issuer = issuer
  }

  async signIn(changed: Answers = {}, signal?: AbortSignal): Promise<string> {
    const answers: Answers = { ...HONEST, ...changed }
    return await signIn({
      server: SERVER,
      issuer: this.#issuer,
      tell: (text) => void (this.told += text),
      signal,
      deps: {
        clock: this.clock,
        random: () => 0,
        fetch: async (url, { body }) => {
          const form = new URLSearchParams(typeof body === 'string' ? body : '')
          this.requests.push({ url, form })
          const answer = answers[new URL(url).pathname]
          return answer === undefined ? new Response('', { status: 404 }) : await answer(form)
        },
      },
    })
  }
}

/** Answers in turn; the last one stays. */
function inTurn(...answers: readonly (() => Response | Promise<Response>)[]) {
  let next = 0
  return async () => await (answers[Math.min(next++, answers.length - 1)] ?? (() => problem('x')))()
}

describe('a sign-in on a PC', () => {
  test('says where to go and with which code, and gives the token of whoever approved', async () => {
    const bench = new Bench()
    const pending = () => problem('authorization_pending')
    const token = HONEST['/oidc/token']!
    const polls = inTurn(pending, pending, () => token(new URLSearchParams()))
    expect(await bench.signIn({ '/oidc/token': polls })).toBe(TOKEN)
    await expect(bench.told).toMatchFileSnapshot('golden/sign-in.txt')
    expect(bench.clock.sleeps).toEqual([5000, 5000, 5000])
    const [, , asked, polled] = bench.requests.map(({ form }) => Object.fromEntries(form))
    expect(asked).toEqual({
      client_id: 'keydesk-agent',
      scope: 'openid Keydesk.EnrollDevice',
      resource: SERVER,
    })
    expect(polled).toEqual({
      client_id: 'keydesk-agent',
      resource: SERVER,
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: 'device-code',
    })
    expect(bench.told).not.toContain('device-code')
  })

  test('asks less often when told to, and when the network fails', async () => {
    const bench = new Bench()
    const polls = inTurn(
      () => problem('slow_down'),
      () => Promise.reject(new TypeError('fetch failed')),
      () => new Response('', { status: 503 }),
      () => Response.json({ access_token: TOKEN }),
    )
    expect(await bench.signIn({ '/oidc/token': polls })).toBe(TOKEN)
    expect(bench.clock.sleeps).toEqual([5000, 10_000, 15_000, 20_000])
  })

  test.each([
    ['access_denied', 'The sign-in was refused in the browser.'],
    ['expired_token', 'Nobody approved the code in time. Run the command again for another.'],
    ['invalid_client', 'The issuer refused the sign-in: invalid_client.'],
  ])('ends with a sentence on %s', async (error, message) => {
    const attempt = new Bench().signIn({ '/oidc/token': () => problem(error) })
    await expect(attempt).rejects.toMatchObject({ code: 'SIGN_IN_FAILED', message, exitCode: 4 })
  })

  test('ends when the code has expired, though the issuer never says so', async () => {
    const bench = new Bench()
    const attempt = bench.signIn({ '/oidc/token': () => problem('authorization_pending') })
    await expect(attempt).rejects.toMatchObject({ code: 'SIGN_IN_FAILED' })
    expect(bench.clock.sleeps).toHaveLength(120)
  })

  test('goes to another issuer that the user named', async () => {
    const issuer = 'https://idp.example'
    const endpoints = {
      device_authorization_endpoint: 'https://api.idp.example/oidc/device/auth',
      token_endpoint: 'https://api.idp.example/oidc/token',
    }
    const bench = new Bench(issuer)
    const token = await bench.signIn({
      '/api/v1/sign-in-info': () => Response.json({ ...INFO, issuer, resource: undefined }),
      '/.well-known/openid-configuration': () => Response.json({ issuer, ...endpoints }),
    })
    expect(token).toBe(TOKEN)
  })

  test('ends at once when it is interrupted', async () => {
    const stop = new AbortController()
    const polls = () => {
      stop.abort(new Error('SIGINT'))
      return problem('authorization_pending')
    }
    const attempt = new Bench().signIn({ '/oidc/token': polls }, stop.signal)
    await expect(attempt).rejects.toThrow('SIGINT')
  })

  test('is not there where the service does not let people enrol', async () => {
    const { agent: _agent, ...info } = INFO
    const attempt = new Bench().signIn({ '/api/v1/sign-in-info': () => Response.json(info) })
    await expect(attempt).rejects.toMatchObject({
      code: 'SIGN_IN_FAILED',
      message:
        'The service at https://keydesk.example does not let people enrol by signing in. Use --token-file.',
    })
  })
})

describe('an attacker on the way', () => {
  const wellKnown = '/oidc/.well-known/openid-configuration'

  test.each([
    ['metadata of another issuer', { ...METADATA, issuer: 'https://evil.example/oidc' }],
    ['a token endpoint without https', { ...METADATA, token_endpoint: 'http://evil.example/t' }],
    ['a token endpoint that is no URL', { ...METADATA, token_endpoint: 'javascript:x' }],
  ])('cannot give it %s', async (_what, metadata) => {
    const bench = new Bench()
    const attempt = bench.signIn({ [wellKnown]: () => Response.json(metadata) })
    await expect(attempt).rejects.toMatchObject({ code: 'SERVER_ANSWER' })
    expect(bench.requests.some(({ url }) => url.includes('/device/auth'))).toBe(false)
  })

  const GENUINE = 'https://genuine.example'
  test.each([
    ['the issuer of another service', { issuer: `${GENUINE}/oidc`, resource: GENUINE }],
    ['the issuer of another service for itself', { issuer: `${GENUINE}/oidc` }],
    ['its own issuer for another service', { resource: GENUINE }],
    ['its own issuer for whatever that defaults to', { resource: undefined }],
    ['an issuer that nobody named', { issuer: 'https://idp.example', resource: undefined }],
  ])('cannot name %s', async (_what, more) => {
    const bench = new Bench()
    const info = () => Response.json({ ...INFO, ...more })
    const attempt = bench.signIn({ '/api/v1/sign-in-info': info })
    await expect(attempt).rejects.toMatchObject({ code: 'SIGN_IN_FAILED' })
    expect(bench.requests).toHaveLength(1)
    expect(bench.told).toBe('')
  })

  test('cannot lead from its own issuer to the endpoints of another', async () => {
    const bench = new Bench()
    const metadata = { ...METADATA, token_endpoint: `${GENUINE}/oidc/token` }
    const attempt = bench.signIn({ [wellKnown]: () => Response.json(metadata) })
    await expect(attempt).rejects.toMatchObject({ code: 'SERVER_ANSWER' })
    expect(bench.requests.some(({ url }) => url.includes('/device/auth'))).toBe(false)
  })

  test('cannot name an issuer without https, whatever the user says', async () => {
    const issuer = 'http://evil.example'
    const info = { ...INFO, issuer, resource: undefined }
    const bench = new Bench(issuer)
    const attempt = bench.signIn({ '/api/v1/sign-in-info': () => Response.json(info) })
    await expect(attempt).rejects.toMatchObject({ code: 'SERVER_ANSWER' })
  })

  test('cannot move the cursor of the terminal by a code', async () => {
    const bench = new Bench()
    const code = { ...CODE, user_code: 'AB\u001B[2J\u001B[1;1HCD' }
    await bench.signIn({ '/oidc/device/auth': () => Response.json(code) })
    expect(bench.told).not.toContain('\u001B')
  })

  test.each([
    ['for ever', { ...CODE, expires_in: 1e12 }],
    ['without a pause', { ...CODE, interval: 0 }],
    ['never', { ...CODE, expires_in: -1 }],
  ])('cannot make it ask %s', async (_what, code) => {
    const attempt = new Bench().signIn({ '/oidc/device/auth': () => Response.json(code) })
    await expect(attempt).rejects.toMatchObject({ code: 'SERVER_ANSWER' })
  })
})
