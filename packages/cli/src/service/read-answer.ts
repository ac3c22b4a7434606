/**
 * One request to a service or issuer, bounded in time and size. Redirects are refused: they would
 * take the token elsewhere. What comes back is text that nobody has judged yet.
 */
import { ANSWER_BYTES_MAX, REQUEST_TIMEOUT_MS } from '../limits.ts'
import { connectionReason, serviceFailure } from './service-error.ts'

export interface Answer {
  readonly status: number
  readonly contentType: string
  readonly text: string
}

/** Throws CommandError SERVER_UNREACHABLE or SERVER_ANSWER, or the signal's reason. */
export async function readAnswer(
  url: string,
  init: RequestInit,
  signal: AbortSignal,
): Promise<Answer> {
  const { origin } = new URL(url)
  try {
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
    })
    return {
      status: response.status,
      contentType: response.headers.get('content-type') ?? '',
      text: await readText(response, origin),
    }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof Error && error.name === 'CommandError') throw error
    throw serviceFailure(
      'SERVER_UNREACHABLE',
      `The service at ${origin} cannot be reached (${connectionReason(error)})`,
      error,
    )
  }
}

async function readText(response: Response, origin: string): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let length = 0
  for await (const chunk of response.body ?? []) {
    const bytes = chunk as Uint8Array
    length += bytes.length
    if (length > ANSWER_BYTES_MAX) {
      throw serviceFailure('SERVER_ANSWER', `The answer of ${origin} is larger than any should be`)
    }
    text += decoder.decode(bytes, { stream: true })
  }
  return text + decoder.decode()
}

/** The answer as JSON; undefined where it is none. */
export function asJson({ contentType, text }: Answer): unknown {
  if (!/^application\/([\w.-]+\+)?json\b/i.test(contentType)) return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
