/**
 * The slices, put together: what they share for the life of a server, their routes, and their work
 * in the background. `app.ts` registers the routes; `start-server.ts` runs the work.
 */

import { createTokenAuthenticator } from './access/authenticate-access-token.ts'
import { accountRoutes } from './accounts/routes.ts'
import { createDenialRecorder } from './access/record-denial.ts'
import { enforcePermissions } from './access/enforce-permissions.ts'
import { approvalRoutes } from './approvals/routes.ts'
import { appRoutes } from './apps/routes.ts'
import { auditRoutes } from './audit/routes.ts'
import type { Deps } from './deps.ts'
import { createDeviceAuthenticator } from './devices/authenticate-device.ts'
import { createPresence, type Presence } from './devices/presence.ts'
import { createRequestMemory } from './devices/remember-request.ts'
import { deviceRoutes } from './devices/routes.ts'
import { directoryRoutes } from './directory/routes.ts'
import { enrollmentRoutes } from './enrollment/routes.ts'
import { createEscrow } from './escrow/escrow-key.ts'
import { escrowRoutes } from './escrow/routes.ts'
import type { App } from './http/app-type.ts'
import { createSharedRates } from './http/rate-limit.ts'
import { createIssuer } from './issuer/issuer.ts'
import { issuerRoutes } from './issuer/routes.ts'
import { createDisclosureRecord } from './recovery/record-disclosures.ts'
import { recoveryRoutes } from './recovery/routes.ts'
import { roleRoutes } from './roles/routes.ts'
import { rotationRoutes } from './rotation/routes.ts'
import { authenticateProvisioning } from './scim/authenticate-provisioning.ts'
import { provisioningTokenRoutes } from './scim/provisioning-token-routes.ts'
import { scimRoutes } from './scim/routes.ts'
import { selfServiceRoutes } from './self-service/routes.ts'
import { sessionRoutes } from './sessions/routes.ts'
import { signInRoutes } from './sign-in/routes.ts'
import { signInInfoRoutes } from './sign-in-info/routes.ts'
import { signInPageRoutes } from './sign-in-pages/routes.ts'

/** Registers who may call what, and then every route of the API. */
export function registerSlices(app: App, deps: Deps): void {
  const denials = createDenialRecorder(deps)
  const { recordDenial } = denials
  const { limitSignIns, limitLookUps } = createSharedRates(deps.config)
  const rememberRequest = createRequestMemory(deps)
  const presence = createPresence(deps)
  const issuer = createIssuer(deps, () => {
    void recordDenial({
      actor: { type: 'anonymous' },
      detail: { code: 'UNAUTHENTICATED', route: 'POST /oidc/token' },
    })
  })
  const authenticateAccessToken = createTokenAuthenticator(deps, issuer)
  enforcePermissions(app, deps, {
    authenticateDevice: createDeviceAuthenticator(deps),
    rememberRequest,
    recordDenial,
    authenticateToken: authenticateAccessToken,
    authenticateProvisioning: (token) => authenticateProvisioning(deps, token),
  })
  issuerRoutes(app, deps, issuer)
  signInPageRoutes(app, deps, { issuer, recordDenial, limitSignIns })
  accountRoutes(app, deps)
  signInRoutes(app, deps, { issuer, limitSignIns })
  sessionRoutes(app, deps)
  appRoutes(app, deps)
  signInInfoRoutes(app, deps)
  enrollmentRoutes(app, deps, { authenticateAccessToken, rememberRequest, recordDenial })
  escrowRoutes(app, createEscrow(deps, recordDenial))
  deviceRoutes(app, deps, presence)
  const record = createDisclosureRecord(deps)
  recoveryRoutes(app, deps, { recordDenial, record, limitLookUps })
  selfServiceRoutes(app, deps, { recordDenial, record, limitLookUps })
  approvalRoutes(app, deps)
  rotationRoutes(app, deps)
  roleRoutes(app, deps)
  auditRoutes(app, deps)
  directoryRoutes(app, deps)
  provisioningTokenRoutes(app, deps)
  scimRoutes(app, deps)
  keepPresence(app, presence)
  app.addHook('onClose', async () => denials.flush())
}

function keepPresence(app: App, presence: Presence): void {
  app.addHook('onReady', async () => presence.start())
  app.addHook('onClose', async () => presence.stop())
}
