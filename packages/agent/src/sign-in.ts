/**
 * A person signs in on this PC by the device authorization grant (RFC 8628), to enrol it as his:
 * the service says where its issuer is, the issuer gives a code, the person approves it in any
 * browser. The access token is used once and never stored or printed.
 *
 * Everything that comes back is bounded and judged; endpoints are believed only of the issuer whose
 * metadata names it, over https (or on this machine). A service is believed about its own issuer
 * only, at the service itself: a wrong one could name that of a right one and be handed a token
 * that is good there. Any other issuer must be named by whoever enrols.
 */
import type { SignInInfo } from '@keydesk/contract'
import { AgentError, connectionReason } from './errors.ts'
import { AGENT_LIMITS } from './limits.ts'
import { ANSWERS, oneLine, readAnswer, readBody, readProblem } from './read-answer.ts'
import { isLoopback } from './server-url.ts'
import type { ClientDeps } from './service-client.ts'

const SIGN_IN_INFO_PATH = '/api/v1/sign-in-info'
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'
/** RFC 8628 §3.2 and §3.5. */
const INTERVAL_DEFAULT_SECONDS = 5
const SLOW_DOWN_SECONDS = 5

export interface SignIn {
  readonly deps: ClientDeps
  /** Origin of the service. */
  readonly server: string
  /** Named by whoever enrols, where it is not the service's own. */
  readonly issuer?: string | undefined
  /** Called once, with what the person has to be told. */
  readonly tell: (text: string) => void
  readonly signal?: AbortSignal | undefined
}

type Fields = Readonly<Record<string, unknown>>

/**
 * Returns the access token. Throws AgentError SIGN_IN_FAILED, SERVER_UNREACHABLE, SERVER_REFUSED or
 * SERVER_ANSWER, or the signal's reason.
 */
export async function signIn(asked: SignIn): Promise<string> {
  const { server, deps, signal } = asked
  const info = await readSignInInfo(asked)
  requireTrustedIssuer(asked, info)
  const { agent, issuer, resource } = info
  if (agent === undefined) {
    throw new AgentError(
      'SIGN_IN_FAILED',
      `The service at ${server} does not let people enrol by signing in. Use --token-file.`,
    )
  }
  const { authorize, token } = await discover(asked, issuer, resource)
  const client = { client_id: agent.clientId, ...(resource === undefined ? {} : { resource }) }
  const answer = await post(asked, authorize, { ...client, scope: agent.scope })
  const code = readCode(answer)
  asked.tell(instructions(server, code))
  const deadline = deps.clock.now() + code.expiresInSeconds * 1000
  let interval = code.intervalSeconds
  while (deps.clock.now() < deadline) {
    await deps.clock.sleep(interval * 1000, signal)
    const poll = { ...client, grant_type: DEVICE_GRANT, device_code: code.deviceCode }
    const outcome = await pollOnce(asked, token, poll)
    if (outcome.type === 'token') return outcome.token
    if (outcome.type === 'slowDown') interval += SLOW_DOWN_SECONDS
  }
  throw expired()
}

async function readSignInInfo(asked: SignIn): Promise<SignInInfo> {
  const { status, fields } = await send(asked, asked.server + SIGN_IN_INFO_PATH)
  if (status !== 200) {
    const { code, detail } = readProblem(fields)
    throw new AgentError(
      'SERVER_REFUSED',
      `The service at ${asked.server} refused (${status}${code === undefined ? '' : ` ${code}`}): ${detail}`,
    )
  }
  return readAnswer(ANSWERS.signInInfo, fields, SIGN_IN_INFO_PATH)
}

function requireTrustedIssuer(asked: SignIn, { issuer, resource }: SignInInfo): void {
  const { server, issuer: named } = asked
  const isOwn = issuer === `${server}/oidc`
  if (resource !== server && (isOwn || resource !== undefined)) {
    throw new AgentError(
      'SIGN_IN_FAILED',
      `The service at ${server} asks for a token of another service, ${oneLine(resource ?? 'unnamed')}.`,
    )
  }
  if (isOwn || issuer === named) return
  throw new AgentError(
    'SIGN_IN_FAILED',
    `The service at ${server} sends you to another issuer, ${oneLine(issuer)}. If its ` +
      'administrator told you that it does, say so by --issuer URL.',
  )
}

/**
 * OpenID Connect Discovery; the document must be of exactly this issuer. `origin`: where its
 * endpoints must be; undefined: anywhere.
 */
async function discover(asked: SignIn, issuer: string, origin: string | undefined) {
  checkAddress(issuer)
  const base = issuer.replace(/\/$/, '')
  const { status, fields } = await send(asked, `${base}/.well-known/openid-configuration`)
  const { device_authorization_endpoint: authorize, token_endpoint: token } = fields
  if (status !== 200 || fields['issuer'] !== issuer) throw noIssuer()
  if (typeof authorize !== 'string' || typeof token !== 'string') {
    throw new AgentError(
      'SIGN_IN_FAILED',
      'The issuer of the service does not offer the sign-in by a device code. Use --token-file.',
    )
  }
  for (const endpoint of [authorize, token]) {
    checkAddress(endpoint)
    if (origin !== undefined && URL.parse(endpoint)?.origin !== origin) throw noIssuer()
  }
  return { authorize, token }
}

interface DeviceCode {
  readonly deviceCode: string
  readonly userCode: string
  readonly verificationUri: string
  readonly verificationUriComplete: string | undefined
  readonly expiresInSeconds: number
  readonly intervalSeconds: number
}

function readCode({ status, fields }: Answer): DeviceCode {
  if (status !== 200) throw refused(fields)
  const { device_code: deviceCode, user_code: userCode, verification_uri: uri } = fields
  const { expires_in: lifetime, interval = INTERVAL_DEFAULT_SECONDS } = fields
  const complete = fields['verification_uri_complete']
  const isCode = typeof deviceCode === 'string' && typeof userCode === 'string'
  const hasTimes = isSeconds(lifetime) && isSeconds(interval)
  if (!isCode || typeof uri !== 'string' || !hasTimes) throw noIssuer()
  return {
    deviceCode,
    userCode: oneLine(userCode),
    verificationUri: oneLine(uri),
    verificationUriComplete: typeof complete === 'string' ? oneLine(complete) : undefined,
    expiresInSeconds: Math.min(lifetime, AGENT_LIMITS.signInSecondsMax),
    intervalSeconds: interval,
  }
}

type Poll = { readonly type: 'token'; readonly token: string } | { readonly type: PollWait }
type PollWait = 'pending' | 'slowDown'

async function pollOnce(
  asked: SignIn,
  url: string,
  form: Readonly<Record<string, string>>,
): Promise<Poll> {
  let answer: Answer
  try {
    answer = await post(asked, url, form)
  } catch (error) {
    // RFC 8628 §3.5: a connection that fails is a reason to ask less often, not to give up.
    if (error instanceof AgentError && error.code === 'SERVER_UNREACHABLE') {
      return { type: 'slowDown' }
    }
    throw error
  }
  const { status, fields } = answer
  const { access_token: token, error } = fields
  if (status === 200 && typeof token === 'string') return { type: 'token', token }
  if (error === 'authorization_pending') return { type: 'pending' }
  if (error === 'slow_down' || status === 429 || status >= 500) return { type: 'slowDown' }
  if (error === 'expired_token') throw expired()
  throw refused(fields)
}

interface Answer {
  readonly status: number
  readonly fields: Fields
}

async function post(
  asked: SignIn,
  url: string,
  form: Readonly<Record<string, string>>,
): Promise<Answer> {
  return await send(asked, url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams(form).toString(),
  })
}

async function send({ deps, signal }: SignIn, url: string, init: RequestInit = {}) {
  const timeout = AbortSignal.timeout(AGENT_LIMITS.requestTimeoutMs)
  try {
    const response = await deps.fetch(url, {
      ...init,
      redirect: 'error',
      signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
    })
    const body = await readBody(response)
    const isObject = typeof body === 'object' && body !== null && !Array.isArray(body)
    return { status: response.status, fields: (isObject ? body : {}) as Fields }
  } catch (error) {
    signal?.throwIfAborted()
    const { origin } = new URL(url)
    throw new AgentError(
      'SERVER_UNREACHABLE',
      `The service at ${origin} cannot be reached (${connectionReason(error)}).`,
      { cause: error },
    )
  }
}

function instructions(server: string, code: DeviceCode): string {
  const minutes = Math.max(1, Math.floor(code.expiresInSeconds / 60))
  const link = code.verificationUriComplete
  return (
    `To enrol this PC as yours at ${server}, open\n\n  ${code.verificationUri}\n\n` +
    `in a browser and enter the code\n\n  ${code.userCode}\n\n` +
    (link === undefined ? '' : `This link has the code in it:\n\n  ${link}\n\n`) +
    `Waiting for ${minutes} ${minutes === 1 ? 'minute' : 'minutes'} …\n`
  )
}

function checkAddress(text: string): void {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'https:' && !isLoopback(url))) throw noIssuer()
}

function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 && value <= 86_400
}

function refused({ error, error_description: description }: Fields): AgentError {
  if (error === 'access_denied') {
    return new AgentError('SIGN_IN_FAILED', 'The sign-in was refused in the browser.')
  }
  const why = typeof description === 'string' ? description : error
  const text = typeof why === 'string' ? oneLine(why) : 'it did not say why'
  return new AgentError('SIGN_IN_FAILED', `The issuer refused the sign-in: ${text}.`)
}

function expired(): AgentError {
  return new AgentError(
    'SIGN_IN_FAILED',
    'Nobody approved the code in time. Run the command again for another.',
  )
}

function noIssuer(): AgentError {
  return new AgentError('SERVER_ANSWER', 'The service does not name an issuer that can be used.')
}
