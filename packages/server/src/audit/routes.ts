/** HTTP of the audit log. */

import { AuditPage, AuditQuery } from '@keydesk/contract'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import { listEntries } from './list-entries.ts'

export function auditRoutes(app: App, deps: Deps): void {
  app.get(
    '/api/v1/audit/entries',
    { schema: { querystring: AuditQuery, response: { 200: AuditPage } } },
    async (request) => await listEntries(deps, request.query),
  )
}
