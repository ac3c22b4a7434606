/** HTTP of recovery: search, disclosure, exposures. */

import {
  CreateDisclosure,
  Disclosure,
  ExposurePage,
  ExposureQuery,
  RecoveryKeyPage,
  RecoveryKeyQuery,
} from '@keydesk/contract'
import { principalOf } from '../access/actor.ts'
import type { RecordDenial } from '../access/record-denial.ts'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import type { RateLimit } from '../http/rate-limit.ts'
import { budgetRoutes } from './budget-routes.ts'
import { discloseKey } from './disclose-key.ts'
import { findRecoveryKeys } from './find-recovery-keys.ts'
import { listExposures } from './list-exposures.ts'
import type { DisclosureRecord } from './record-disclosures.ts'

export function recoveryRoutes(
  app: App,
  deps: Deps,
  {
    recordDenial,
    record,
    limitLookUps,
  }: { recordDenial: RecordDenial; record: DisclosureRecord; limitLookUps: RateLimit },
): void {
  budgetRoutes(app, deps)
  const onRequest = limitLookUps

  app.get(
    '/api/v1/recovery-keys',
    { onRequest, schema: { querystring: RecoveryKeyQuery, response: { 200: RecoveryKeyPage } } },
    async (request) => await findRecoveryKeys(deps, principalOf(request), request.query),
  )

  app.post(
    '/api/v1/disclosures',
    { onRequest, schema: { body: CreateDisclosure, response: { 201: Disclosure } } },
    async (request, reply) => {
      const context = {
        principal: principalOf(request),
        requestId: request.id,
        recordDenial,
        record,
      }
      const disclosure = await discloseKey(deps, context, request.body)
      // Said here too, whatever the headers of other answers become.
      return await reply.code(201).header('cache-control', 'no-store').send(disclosure)
    },
  )

  app.get(
    '/api/v1/exposures',
    { schema: { querystring: ExposureQuery, response: { 200: ExposurePage } } },
    async (request) => await listExposures(deps, principalOf(request), request.query),
  )
}
