/**
 * The body of an HTML form. Read as text fields, the first of each name; a route says by its schema
 * which ones it takes. Routes of programs take JSON only, so no form of a foreign page is even read
 * there.
 */

import type { FastifyRequest } from 'fastify'
import { AppError } from '../errors.ts'
import type { App } from './app-type.ts'

const PROGRAM_PATHS = /^\/(api|device|v1\.0|beta|scim)(\/|$)/

export function registerFormBody(app: App): void {
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    async (request: FastifyRequest, body: string) => {
      if (PROGRAM_PATHS.test(request.url)) {
        throw new AppError('UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json.')
      }
      return parseForm(body)
    },
  )
}

function parseForm(body: string): Record<string, string> {
  const fields = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(body)) {
    if (!fields.has(name)) fields.set(name, value)
  }
  // Names of a prototype's members become plain fields here.
  return Object.fromEntries(fields)
}
