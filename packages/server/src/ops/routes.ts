/**
 * What a supervisor asks: is the process alive, may it have work, how is it doing. Outside /api and
 * open to whoever reaches the port, so nothing here names a device, a user or a version.
 */

import { Type } from 'typebox'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'

const Alive = Type.Object({ status: Type.Literal('alive') }, { additionalProperties: false })
const Ready = Type.Object(
  { ready: Type.Boolean(), checks: Type.Record(Type.String(), Type.Boolean()) },
  { additionalProperties: false },
)

export function opsRoutes(app: App, deps: Deps): void {
  app.get('/healthz', { schema: { response: { 200: Alive } } }, async () => {
    return { status: 'alive' } as const
  })

  app.get('/readyz', { schema: { response: { 200: Ready, 503: Ready } } }, async (_, reply) => {
    const checks = await deps.readiness.check()
    const ready = Object.values(checks).every(Boolean)
    return reply.code(ready ? 200 : 503).send({ ready, checks })
  })

  app.get('/metrics', async (_, reply) => {
    return reply.type(deps.metrics.registry.contentType).send(await deps.metrics.registry.metrics())
  })
}
