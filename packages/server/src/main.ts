/**
 * The server process: arguments, environment, signals. The only reader of `process.env`.
 *
 *   node packages/server/src/main.ts                      start
 *   node packages/server/src/main.ts administrator-link   print a link for a first administrator
 *   node packages/server/src/main.ts --help               every environment variable
 */

import { readConfig } from './config.ts'
import { helpText } from './config-help.ts'
import { configWarnings } from './config-warnings.ts'
import { StartError } from './errors.ts'
import { GracefulStop } from './ops/graceful-stop.ts'
import { createLog } from './ops/log.ts'
import { printAdministratorLink } from './print-administrator-link.ts'
import { startServer } from './start-server.ts'

async function main(): Promise<void> {
  const { config, warnings } = readConfig(process.env)
  const isTerminal = process.stdout.isTTY
  const format = config.logFormat === 'auto' ? (isTerminal ? 'text' : 'json') : config.logFormat
  const log = createLog({ level: config.logLevel, format })
  for (const warning of [...warnings, ...configWarnings(config)]) log.warn(warning)

  const stop = new GracefulStop({
    log,
    graceSeconds: config.shutdownGraceSeconds,
    exit: (code) => process.exit(code),
  })
  stop.listen(process)
  try {
    await startServer({ config, log, stop, announce: (text) => process.stdout.write(text) })
  } catch (error) {
    // A signal during the start ends what the start was about to use.
    if (!stop.isStopping) report(error, log)
    await stop.stop(1)
  }
}

function report(error: unknown, log: ReturnType<typeof createLog>): void {
  if (error instanceof StartError) process.stderr.write(`keydesk: ${error.message}\n`)
  else log.fatal({ err: error }, 'the start failed')
}

const [argument] = process.argv.slice(2)
if (argument === '--help' || argument === '-h') {
  process.stdout.write(helpText())
} else if (argument !== undefined && argument !== 'administrator-link') {
  process.stderr.write('keydesk: there is no such option. Run with --help.\n')
  process.exitCode = 2
} else {
  try {
    if (argument === undefined) await main()
    else
      await printAdministratorLink(readConfig(process.env).config, (text) =>
        process.stdout.write(text),
      )
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    process.stderr.write(`${error.message.replaceAll(/^/gm, 'keydesk: ')}\n`)
    process.exitCode = 1
  }
}
