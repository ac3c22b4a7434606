/**
 * Answers of the service, judged before they are used. Attacker-controlled until a signature or the
 * TLS connection says otherwise, so their size is bounded while they are read.
 * Fields that this version does not know are dropped, not refused: a newer service must be able to
 * say more without silencing every agent in the field.
 */
import {
  CheckInResponse,
  EnrollResponse,
  EscrowResponse,
  matches,
  Problem,
  SignInInfo,
} from '@keydesk/contract'
import { AgentError } from './errors.ts'
import { AGENT_LIMITS } from './limits.ts'

/** The body as JSON, or `undefined` when it is none. Throws RangeError when it is too large. */
export async function readBody(response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = []
  let length = 0
  const body: AsyncIterable<Uint8Array> | null = response.body
  for await (const chunk of body ?? []) {
    length += chunk.length
    if (length > AGENT_LIMITS.responseBytes) {
      await response.body?.cancel().catch(() => undefined)
      throw new RangeError(`the answer is larger than ${AGENT_LIMITS.responseBytes} bytes`)
    }
    chunks.push(chunk)
  }
  try {
    return JSON.parse(new TextDecoder().decode(Buffer.concat(chunks))) as unknown
  } catch {
    return undefined
  }
}

/** What an answer must look like: a schema to drop unknown fields by, and the judgement. */
export interface AnswerForm<T> {
  readonly schema: object
  readonly matches: (value: unknown) => value is T
}

export const ANSWERS = {
  enroll: {
    schema: EnrollResponse,
    matches: (value): value is EnrollResponse => matches(EnrollResponse, value),
  } satisfies AnswerForm<EnrollResponse>,
  checkIn: {
    schema: CheckInResponse,
    matches: (value): value is CheckInResponse => matches(CheckInResponse, value),
  } satisfies AnswerForm<CheckInResponse>,
  escrow: {
    schema: EscrowResponse,
    matches: (value): value is EscrowResponse => matches(EscrowResponse, value),
  } satisfies AnswerForm<EscrowResponse>,
  signInInfo: {
    schema: SignInInfo,
    matches: (value): value is SignInInfo => matches(SignInInfo, value),
  } satisfies AnswerForm<SignInInfo>,
}

/** `value` in that form, without unknown fields. Throws AgentError SERVER_ANSWER. */
export function readAnswer<T>(form: AnswerForm<T>, value: unknown, path: string): T {
  const known = withoutUnknownFields(form.schema, value)
  if (!form.matches(known)) {
    throw new AgentError(
      'SERVER_ANSWER',
      `The answer to ${path} does not have the documented form. ` +
        'Is this a Keydesk service, and a version that goes with this agent?',
    )
  }
  return known
}

/** The code and the sentence of a problem document, fit for a terminal. */
export function readProblem(value: unknown): { code?: string; detail: string } {
  if (!matches(Problem, value)) return { detail: 'it did not say why' }
  return { code: oneLine(value.code), detail: oneLine(value.detail) }
}

/** Text from outside as one line: no control characters, no more than a paragraph. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\s\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').slice(0, 300)
}

/** The part of JSON Schema that the contract's answers use. */
interface SchemaNode {
  readonly properties?: Record<string, object>
  readonly items?: object
}

function withoutUnknownFields(schema: object, value: unknown): unknown {
  const { properties, items } = schema as SchemaNode
  if (items !== undefined && Array.isArray(value)) {
    return value.map((item: unknown) => withoutUnknownFields(items, item))
  }
  if (properties === undefined || typeof value !== 'object' || value === null) return value
  const known: Record<string, unknown> = {}
  for (const [name, property] of Object.entries(properties)) {
    if (Object.hasOwn(value, name)) {
      known[name] = withoutUnknownFields(property, (value as Record<string, unknown>)[name])
    }
  }
  return known
}
