/** HTTP of the sign-in with a passkey: the options for the browser, and its answer. */

import { LIMITS } from '@keydesk/contract'
import { Type } from 'typebox'
import { passkeySignInOptions, verifyPasskey } from '../accounts/passkeys.ts'
import { forgiveNetwork, throttleNetwork } from '../accounts/throttle-guesses.ts'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import { finishVisit, visitByForm, type PageServices } from './sign-in-visit.ts'

const Uid = Type.Object({ uid: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' }) })
const CsrfForm = Type.Object({ csrf: Type.String({ maxLength: 64 }) })
const CredentialForm = Type.Object({
  csrf: Type.String({ maxLength: 64 }),
  credential: Type.String({ maxLength: LIMITS.passkeyAnswerLengthMax }),
})

export function passkeySignInRoutes(app: App, deps: Deps, services: PageServices): void {
  app.post(
    '/sign-in/with/:uid/passkey/options',
    { schema: { params: Uid, body: CsrfForm } },
    async (request, reply) => {
      const { interaction } = await visitByForm(deps, services, request, reply)
      await throttleNetwork(deps, request.ip)
      return await passkeySignInOptions(deps, { purpose: 'signIn', context: interaction.uid })
    },
  )

  app.post(
    '/sign-in/with/:uid/passkey',
    { schema: { params: Uid, body: CredentialForm } },
    async (request, reply) => {
      const visit = await visitByForm(deps, services, request, reply)
      const use = { purpose: 'signIn', context: visit.interaction.uid } as const
      const { userId, amr } = await verifyPasskey(deps, use, request.body.credential)
      await forgiveNetwork(deps, request.ip)
      return await finishVisit(deps, services, { request, reply }, visit, {
        userId,
        provedAt: deps.clock.now().toISOString(),
        amr,
      })
    },
  )
}
