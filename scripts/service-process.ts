/**
 * A Keydesk service as a process of its own, for the demo, the development mode and the
 * benchmarks: started as `npm start` starts it, on a free port and a data directory of its own.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '..')
const START_MS_MAX = 60_000
const ASK_AGAIN_MS = 50

export interface ServiceOptions {
  readonly dataDirectory: string
  readonly port: number
  /** Further settings, as environment variables. */
  readonly settings?: Readonly<Record<string, string>>
  /** Restart the service when a source file changes. */
  readonly watch?: boolean
}

export interface ServiceProcess {
  readonly origin: string
  /** The link for the first administrator, which the service prints at its first start only. */
  readonly setupLink: string | undefined
  /** Ends the service as an operator would (SIGTERM) and waits for it. */
  stop(): Promise<void>
  /** Settles when the process has ended, for whatever reason. */
  readonly ended: Promise<void>
}

/** Starts a service and waits until it is ready. Throws with its last output if it is not. */
export async function startService(options: ServiceOptions): Promise<ServiceProcess> {
  const origin = `http://localhost:${options.port}`
  const watch = options.watch === true ? ['--watch', '--watch-preserve-output'] : []
  const child = spawn(process.execPath, [...watch, 'packages/server/src/main.ts'], {
    cwd: ROOT,
    env: {
      ...withoutSettings(process.env),
      KEYDESK_DATA_DIR: options.dataDirectory,
      KEYDESK_PORT: String(options.port),
      KEYDESK_ORIGIN: origin,
      ...options.settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const collect = (chunk: Buffer): void => {
    output += chunk.toString()
    if (options.watch === true) process.stdout.write(chunk)
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  const ended = once(child, 'exit').then(() => undefined)
  // A script that dies must not leave its service behind.
  process.once('exit', () => child.kill('SIGTERM'))

  await untilReady(child, origin, () => output)
  return {
    origin,
    setupLink: /http\S+\/welcome\/\S+/.exec(output)?.[0],
    ended,
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/**
 * The environment without settings of another service: with an administrator's own `DATABASE_URL`
 * in the shell, a demo would move into his database.
 */
function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isSetting = (name: string): boolean =>
    name.startsWith('KEYDESK_') || name === 'DATABASE_URL' || /^PG[A-Z]+$/.test(name)
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !isSetting(name)))
}

async function untilReady(
  child: ChildProcess,
  origin: string,
  output: () => string,
): Promise<void> {
  const deadline = performance.now() + START_MS_MAX
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the service did not start:\n${output()}`)
    const isReady = await fetch(`${origin}/readyz`).then(
      (response) => response.ok,
      () => false,
    )
    if (isReady) return
    await new Promise((wake) => setTimeout(wake, ASK_AGAIN_MS))
  }
  child.kill('SIGKILL')
  throw new Error(`the service was not ready after ${START_MS_MAX / 1000} s:\n${output()}`)
}

/** A port that nobody listens on at this moment; `preferred` if that one is free. */
export async function freePort(preferred = 0): Promise<number> {
  const server = createServer()
  try {
    const listening = once(server, 'listening')
    server.listen(preferred, '127.0.0.1')
    await listening
    return (server.address() as AddressInfo).port
  } catch (error) {
    if (preferred === 0) throw error
    return freePort()
  } finally {
    server.close()
  }
}
