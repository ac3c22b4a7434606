/** The one place that turns an error into a page. Bugs become a bare sentence; the log has them. */

import { ERROR_CODES } from '@keydesk/contract'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../errors.ts'
import { sendPage } from './page.ts'
import { messageView } from './welcome-views.ts'

export function sendProblemPage(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { title, text, status } = describe(error)
  if (status >= 500) request.log.error({ err: error }, 'a page failed')
  else request.log.info({ status }, 'a page was refused')
  if (error instanceof AppError && error.retryAfterSeconds !== undefined) {
    reply.header('retry-after', String(error.retryAfterSeconds))
  }
  return sendPage(reply, messageView({ title, text, link: START }), status)
}

const START = { href: '/', text: 'To the start' }

function describe(error: unknown): { title: string; text: string; status: number } {
  if (error instanceof AppError) {
    const title = TITLES[error.code] ?? ERROR_CODES[error.code].title
    return { title, text: error.message, status: error.status }
  }
  const status = (error as Partial<FastifyError> | undefined)?.statusCode
  if (status !== undefined && status >= 400 && status < 500) {
    return { title: 'This does not work', text: 'Something is missing. Start again.', status }
  }
  return {
    title: 'Something went wrong',
    text: 'It is on record in the log of the server. Try again in a moment.',
    status: 500,
  }
}

const TITLES: Readonly<Record<string, string | undefined>> = {
  NOT_FOUND: 'This page is gone',
  UNAUTHENTICATED: 'This sign-in cannot go on',
  REQUEST_FORGED: 'This sign-in cannot go on',
  TOO_MANY_REQUESTS: 'Too many attempts',
  INVALID_REQUEST: 'This does not work',
  FORBIDDEN: 'You may not do this',
}
