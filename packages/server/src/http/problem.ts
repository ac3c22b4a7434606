/**
 * The one place that turns an error into an answer: RFC 9457 `application/problem+json` with `code`
 * and `requestId`. Bugs and library errors become a bare INTERNAL_ERROR; their text is logged
 * (without secrets), never sent.
 */

import { ERROR_CODES, type ErrorCode, type Problem } from '@keydesk/contract'
import type {
  FastifyError,
  FastifyReply,
  FastifyRequest,
  FastifySchemaValidationError,
} from 'fastify'
import { AppError } from '../errors.ts'
import { SCIM_TYPE, scimErrorBody, type ScimErrorBody } from '../scim/scim-error.ts'
import type { App } from './app-type.ts'

export function registerProblems(app: App): void {
  app.setErrorHandler((error: unknown, request, reply) => sendProblem(error, request, reply))
  app.setNotFoundHandler((request, reply) => {
    const detail = 'There is no such address here. The API is under /api/v1 and /device/v1.'
    return sendProblem(new AppError('ROUTE_NOT_FOUND', detail), request, reply)
  })
}

/** Errors before a route is found, such as a malformed URL. */
export function frameworkProblem(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  void sendProblem(error, request, reply)
}

async function sendProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const appError = toAppError(error)
  if (appError.status >= 500) request.log.error({ err: error }, 'request failed')
  else request.log.info({ code: appError.code }, 'request refused')
  const problem: Problem | ScimErrorBody = isScim(request)
    ? scimErrorBody(appError)
    : {
        type: `/docs/errors#${appError.code}`,
        title: ERROR_CODES[appError.code].title,
        status: appError.status,
        detail: appError.message,
        code: appError.code,
        requestId: request.id,
        ...(appError.condition === undefined ? {} : { condition: appError.condition }),
      }
  if (appError.status === 401) {
    reply.header('www-authenticate', appError.challenge ?? 'Bearer')
  }
  if (appError.retryAfterSeconds !== undefined) {
    reply.header('retry-after', String(appError.retryAfterSeconds))
  }
  // A string: the route's response schema is for its successes.
  return await reply
    .code(appError.status)
    .type(isScim(request) ? SCIM_TYPE : 'application/problem+json')
    .serializer((payload: unknown) => JSON.stringify(payload))
    .send(problem)
}

/** SCIM clients know errors in SCIM's own form only (RFC 7644 §3.12). */
function isScim({ url }: FastifyRequest): boolean {
  return url.startsWith('/scim/')
}

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  if (isFastifyError(error)) {
    if (error.validation !== undefined) return validationProblem(error, error.validation)
    const known = FRAMEWORK_ERRORS[error.code]
    if (known !== undefined) return new AppError(known.code, known.detail)
  }
  if (isDatabaseUnavailable(error)) {
    return new AppError('DATABASE_UNAVAILABLE', 'Try again in a few seconds.', {
      retryAfterSeconds: 5,
    })
  }
  return new AppError(
    'INTERNAL_ERROR',
    'The server failed; its log has the details under this request ID.',
  )
}

const FRAMEWORK_ERRORS: Readonly<Record<string, { code: ErrorCode; detail: string } | undefined>> =
  {
    FST_ERR_CTP_BODY_TOO_LARGE: { code: 'BODY_TOO_LARGE', detail: 'Send a smaller body.' },
    FST_ERR_CTP_INVALID_MEDIA_TYPE: {
      code: 'UNSUPPORTED_MEDIA_TYPE',
      detail: 'Send the body as application/json.',
    },
    FST_ERR_CTP_INVALID_JSON_BODY: {
      code: 'INVALID_JSON',
      detail: 'Send one JSON value in UTF-8.',
    },
    FST_ERR_CTP_EMPTY_JSON_BODY: { code: 'INVALID_JSON', detail: 'The body is empty.' },
    FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
      code: 'INVALID_REQUEST',
      detail: 'The body is not as long as its Content-Length says.',
    },
    FST_ERR_BAD_URL: { code: 'INVALID_REQUEST', detail: 'The URL is not well formed.' },
    FST_ERR_MAX_PARAM_LENGTH: {
      code: 'INVALID_REQUEST',
      detail: 'A part of the path is too long.',
    },
  }

function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
}

/**
 * Says where the request is wrong, never what was there: values and unknown names can be secrets.
 */
function validationProblem(
  error: FastifyError,
  failures: readonly FastifySchemaValidationError[],
): AppError {
  const failure = failures[0]
  const place = `${error.validationContext ?? 'request'}${safePath(failure?.instancePath ?? '')}`
  return new AppError('INVALID_REQUEST', `${place} ${failureText(failure)}.`)
}

/** Names of our schemas and array indexes; anything else was made up by the caller. */
function safePath(instancePath: string): string {
  return /^(\/([A-Za-z]{1,40}|\d{1,4}))*$/.test(instancePath) ? instancePath : ''
}

function failureText(failure: FastifySchemaValidationError | undefined): string {
  if (failure?.keyword === 'additionalProperties') {
    const name = failure.params['additionalProperty']
    const isPlain = typeof name === 'string' && /^[A-Za-z]{1,40}$/.test(name)
    return isPlain ? `must not have "${name}"` : 'has a property that is not in the schema'
  }
  // Ajv builds this from the schema alone.
  return failure?.message ?? 'is not valid'
}

/** SQLSTATE classes 08 (connection) and 57P (shutdown), and what the socket reports. */
const UNAVAILABLE = /^(08\w{3}|57P0[123]|53300|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT)$/
const POOL_UNAVAILABLE = [
  'timeout exceeded when trying to connect',
  'Connection terminated',
  'Client has encountered a connection error',
]

function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && typeof error.code === 'string' && UNAVAILABLE.test(error.code)) return true
  return POOL_UNAVAILABLE.some((text) => error.message.startsWith(text))
}
