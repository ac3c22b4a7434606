/**
 * The whole life of recovery passwords on real BitLocker volumes, with real processes: a service,
 * three sample PCs with their agents, the `keydesk` command, and cryptsetup as a judge where it is
 * installed. Every step prints what held; the first one that does not ends the demo with 1.
 *
 *   npm run demo             then the service goes on with the sample data until Ctrl-C
 *   npm run demo -- --exit   ends with 0 instead
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { apiClient } from './api-client.ts'
import { runDemo } from './demo/run-demo.ts'
import { DemoPrinter } from './demo/print-steps.ts'
import { freePort, startService, type ServiceProcess } from './service-process.ts'
import {
  accessTokenOf,
  becomeFirstAdministrator,
  type FirstAdministrator,
} from './sign-in/first-administrator.ts'

const shouldExit = process.argv.includes('--exit')
const PREFERRED_PORT = 8080

const printer = new DemoPrinter()
const folder = await mkdtemp(join(tmpdir(), 'keydesk-demo-'))
const port = await freePort(PREFERRED_PORT)
let service: ServiceProcess | undefined
let administrator: FirstAdministrator | undefined

async function startDemoService(): Promise<ServiceProcess> {
  const started = await startService({
    dataDirectory: join(folder, 'data'),
    port,
    // The demo does not wait an hour for the rotation after a look.
    settings: { KEYDESK_ROTATION_DELAY: '0s', KEYDESK_LOG_LEVEL: 'warn' },
  })
  if (started.setupLink !== undefined) {
    const { origin, setupLink } = started
    administrator = await becomeFirstAdministrator({ origin, setupLink })
  }
  return started
}

async function accessToken(origin: string): Promise<string> {
  if (administrator === undefined) throw new Error('the service printed no link at its first start')
  return await accessTokenOf(administrator, origin)
}

async function cleanUp(): Promise<void> {
  await service?.stop()
  await rm(folder, { recursive: true, force: true })
}

// Ctrl-C: the service gets it too and stops by itself; what is left is the folder.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void cleanUp().finally(() => process.exit(0)))
}

try {
  await mkdir(join(folder, 'pcs'))
  await runDemo({
    printer,
    folder: join(folder, 'pcs'),
    start: async () => {
      service = await startDemoService()
      return apiClient(service.origin, await accessToken(service.origin))
    },
    stop: async () => {
      await service?.stop()
      service = undefined
    },
    origin: `http://localhost:${port}`,
  })
  printer.summary()
  if (!shouldExit && service !== undefined && administrator !== undefined) {
    const secretFile = join(folder, 'administrator.curl')
    const header = `header = "authorization: Bearer ${await accessToken(service.origin)}"\n`
    await writeFile(secretFile, header, { mode: 0o600 })
    printer.howToGetIn({ origin: service.origin, administrator, folder, secretFile })
    await service.ended
  }
} catch (error) {
  printer.failed(error)
  process.exitCode = 1
} finally {
  await cleanUp()
}
