/** The `keydesk` command as a process of its own, started as a person's shell would. */
import { execFileSync, spawn } from 'node:child_process'
import { resolve } from 'node:path'

const MAKE_PIPE = 'mkfifo'
const LAUNCHER = resolve(import.meta.dirname, '../../packages/cli/bin/keydesk.js')

export interface CommandOutcome {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  readonly cwd: string
  /** Standard input, closed behind it; `open` leaves it open and silent. */
  readonly input?: string | { readonly open: true }
  /** The Node to start the launcher with; by default the one that runs the tests. */
  readonly node?: string
}

export interface RunningCommand {
  kill(signal: NodeJS.Signals): void
  readonly outcome: Promise<CommandOutcome>
  /** Settles when standard output has this text; rejects if it ends without. */
  printed(text: string): Promise<void>
}

export function startKeydesk(args: readonly string[], options: CommandOptions): RunningCommand {
  const { cwd, input = '', node = process.execPath } = options
  const outcome = Promise.withResolvers<CommandOutcome>()
  // Not with the sign-in of whoever runs the tests.
  const env = { ...process.env, XDG_CONFIG_HOME: cwd }
  const child = spawn(node, [LAUNCHER, ...args], { cwd, env })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.on('error', outcome.reject)
  child.on('close', (exitCode, signal) => outcome.resolve({ exitCode, signal, stdout, stderr }))
  // A command that ends without reading its input closes the pipe; its exit code tells the story.
  child.stdin.on('error', () => {})
  if (typeof input === 'string') child.stdin.end(input)
  return {
    outcome: outcome.promise,
    kill: (signal) => child.kill(signal),
    printed: (text) =>
      new Promise((settle, refuse) => {
        const look = (): void => {
          if (stdout.includes(text)) settle()
        }
        child.stdout.on('data', look)
        child.on('close', () => refuse(new Error(`"${text}" was not printed: ${stdout}${stderr}`)))
        look()
      }),
  }
}

/** Runs `keydesk` to its end. */
export function runKeydesk(
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandOutcome> {
  return startKeydesk(args, options).outcome
}

/** `keydesk volume … --json`, its answer parsed. */
export async function runVolumeJson(
  args: readonly string[],
  options: CommandOptions,
): Promise<{ exitCode: number | null; answer: unknown; stderr: string }> {
  const outcome = await runKeydesk(['volume', ...args, '--json'], options)
  const { exitCode, stdout, stderr } = outcome
  return { exitCode, stderr, answer: stdout === '' ? undefined : JSON.parse(stdout) }
}

/** Opening it for writing waits until somebody opens it for reading: that tells what they do. */
export function makeNamedPipe(path: string): void {
  execFileSync(MAKE_PIPE, [path])
}
