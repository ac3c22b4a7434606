/** HTTP: where to sign in, for programs that only know the address of the service. */

import { SignInInfo } from '@keydesk/contract'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import { describeSignIn } from './describe-sign-in.ts'

export function signInInfoRoutes(app: App, deps: Deps): void {
  app.get('/api/v1/sign-in-info', { schema: { response: { 200: SignInInfo } } }, async () =>
    describeSignIn(deps.config),
  )
}
