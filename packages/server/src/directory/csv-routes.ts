/**
 * HTTP of CSV import and export. The body of an import is not read before its sender is known to be
 * allowed: strangers cannot make the server hold megabytes.
 */

import { Readable } from 'node:stream'
import {
  DEVICE_CSV_COLUMNS,
  GROUP_CSV_COLUMNS,
  GroupImportQuery,
  ImportQuery,
  ImportResult,
  LIMITS,
  USER_CSV_COLUMNS,
} from '@keydesk/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { principalOf } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import type { App } from '../http/app-type.ts'
import { changedBy } from './changed-by.ts'
import { exportDevices, exportGroups, exportUsers } from './export-csv.ts'
import { importDevices } from './import-devices.ts'
import { ImportErrors } from './import-errors.ts'
import { importGroups } from './import-groups.ts'
import { importUsers } from './import-users.ts'
import { readCsv, type CsvRow } from './read-csv.ts'

export function csvRoutes(app: App, deps: Deps): void {
  exportRoutes(app, deps)
  app.register(async (scope: App) => {
    scope.removeAllContentTypeParsers()
    // The stream itself, whatever it is said to be: it is judged and read once the permissions have
    // let the request in.
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
    importRoutes(scope, deps)
  })
}

function importRoutes(app: App, deps: Deps): void {
  const response = { 200: ImportResult }
  const bodyLimit = LIMITS.csvBytesMax

  app.post(
    '/api/v1/users/import',
    { bodyLimit, schema: { querystring: ImportQuery, response } },
    async (request) => {
      const { rows, ...wanted } = await readImport(deps, request, USER_CSV_COLUMNS)
      return await importUsers(deps, rows, wanted)
    },
  )

  app.post(
    '/api/v1/groups/import',
    { bodyLimit, schema: { querystring: GroupImportQuery, response } },
    async (request) => {
      const { rows, ...wanted } = await readImport(deps, request, GROUP_CSV_COLUMNS)
      const replacesMembers = request.query.members === 'replace'
      return await importGroups(deps, rows, { ...wanted, replacesMembers })
    },
  )

  app.post(
    '/api/v1/devices/import',
    { bodyLimit, schema: { querystring: ImportQuery, response } },
    async (request) => {
      const { rows, ...wanted } = await readImport(deps, request, DEVICE_CSV_COLUMNS)
      return await importDevices(deps, rows, wanted)
    },
  )
}

async function readImport<const Column extends string>(
  deps: Deps,
  request: FastifyRequest,
  columns: readonly Column[],
) {
  const isCsv = /^text\/csv *(;|$)/i.test(request.headers['content-type'] ?? '')
  if (!isCsv || !(request.body instanceof Readable)) {
    throw new AppError('UNSUPPORTED_MEDIA_TYPE', 'Send the file as text/csv.')
  }
  const principal = principalOf(request)
  const errors = new ImportErrors()
  const rows: CsvRow<Column>[] = await readCsv(request.body, columns, errors)
  const { dryRun } = request.query as ImportQuery
  const by = { ...changedBy(deps, principal, request.id), principal }
  return { rows, by, errors, isDryRun: dryRun === 'true' }
}

function exportRoutes(app: App, deps: Deps): void {
  app.get('/api/v1/users/export', async (_request, reply) =>
    sendCsv(reply, 'users', exportUsers(deps)),
  )
  app.get('/api/v1/groups/export', async (_request, reply) =>
    sendCsv(reply, 'groups', exportGroups(deps)),
  )
  app.get('/api/v1/devices/export', async (request, reply) =>
    sendCsv(reply, 'devices', exportDevices(deps, principalOf(request))),
  )
}

function sendCsv(reply: FastifyReply, name: string, texts: AsyncGenerator<string>): FastifyReply {
  return reply
    .type('text/csv; charset=utf-8')
    .header('content-disposition', `attachment; filename="keydesk-${name}.csv"`)
    .send(Readable.from(texts))
}
