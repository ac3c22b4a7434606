/**
 * vitest global set-up of the `db` project: one throwaway PostgreSQL for the run, with a template
 * database that has every migration. `test-database.ts` clones the template for each test file.
 */

import { Client } from 'pg'
import type { TestProject } from 'vitest/node'
import { migrate } from '../../packages/server/src/db/migrate.ts'
import { startThrowawayPostgres } from './throwaway-postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    superuserUrl: string
    templateDatabase: string
  }
}

const TEMPLATE_DATABASE = 'keydesk_template'

/** vitest asks for a default export. */
// oxlint-disable-next-line import/no-default-export
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const postgres = await startThrowawayPostgres()
  const client = new Client({ connectionString: postgres.superuserUrl })
  await client.connect()
  await client.query(`create database ${TEMPLATE_DATABASE} owner keydesk`)
  await client.end()
  const template = new URL(postgres.superuserUrl)
  template.username = 'keydesk'
  template.pathname = `/${TEMPLATE_DATABASE}`
  await migrate(template.href)
  project.provide('superuserUrl', postgres.superuserUrl)
  project.provide('templateDatabase', TEMPLATE_DATABASE)
  return () => postgres.stop()
}
