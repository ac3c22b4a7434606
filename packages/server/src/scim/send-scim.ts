/** Answers in SCIM's own media type, as it is: the object was built field by field. */

import type { FastifyReply } from 'fastify'
import type { JsonObject } from './read-value.ts'
import { SCIM_TYPE } from './scim-error.ts'

export function sendScim(reply: FastifyReply, body: JsonObject): FastifyReply {
  return reply.type(SCIM_TYPE).send(JSON.stringify(body))
}
