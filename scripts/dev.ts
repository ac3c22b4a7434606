/**
 * `npm run dev`: the service in watch mode on http://localhost:8080, with sample PCs that have
 * escrowed. Data stays in `data/dev` between two runs; remove the folder to begin anew.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { apiClient } from './api-client.ts'
import { createSamplePcs, enrollPc, roundOf } from './sample-fleet.ts'
import { startService } from './service-process.ts'
import { accessTokenOf, becomeFirstAdministrator } from './sign-in/first-administrator.ts'

const PORT = 8080
const PC_COUNT = 3
const folder = resolve(import.meta.dirname, '../data/dev')
const administratorFile = join(folder, 'administrator.json')

await mkdir(folder, { recursive: true })
const service = await startService({
  dataDirectory: join(folder, 'service'),
  port: PORT,
  watch: true,
  settings: { KEYDESK_ROTATION_DELAY: '0s', KEYDESK_LOG_FORMAT: 'text' },
})
if (service.setupLink !== undefined) {
  const { origin, setupLink } = service
  const first = await becomeFirstAdministrator({ origin, setupLink })
  const api = apiClient(origin, await accessTokenOf(first, origin))
  const { token } = await api.createEnrollmentToken({
    name: 'development',
    usesMax: PC_COUNT,
    expiresInSeconds: 3600,
  })
  for (const pc of await createSamplePcs(join(folder, 'pcs'), PC_COUNT)) {
    for (const result of [await enrollPc(pc, service.origin, token), await roundOf(pc)]) {
      if (result.exitCode !== 0) throw new Error(`${pc.name}: ${result.stdout}${result.stderr}`)
    }
    console.log(`${pc.name} is enrolled and encrypted: ${pc.folder}`)
  }
  // Only of this sample data, so that a second run can print how to get in; last,
  // because its presence says that the sample data is complete.
  await writeFile(administratorFile, JSON.stringify(first, undefined, 2), { mode: 0o600 })
}
const administrator = await readFile(administratorFile, 'utf8').catch(() => undefined)
if (administrator === undefined) {
  // The first run was interrupted between the service's start and the sample data.
  console.error(`The sample data in ${folder} is incomplete; remove the folder and start again.`)
  await service.stop()
  process.exit(1)
}
console.log(`
Keydesk in watch mode: ${service.origin}
sample PCs:            ${join(folder, 'pcs')}
administrator:         ${administratorFile}
${administrator}
Ctrl-C stops it.
`)
process.once('SIGINT', () => void service.stop())
process.once('SIGTERM', () => void service.stop())
await service.ended
