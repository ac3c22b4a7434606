/** Runs a command of ours or a judge to its end and keeps what it said. */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '..')

export interface CommandResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** `input` goes to standard input. Throws only when the command cannot be started at all. */
export function runCommand(
  command: string,
  args: readonly string[],
  input = '',
  env: NodeJS.ProcessEnv = process.env,
): Promise<CommandResult> {
  return new Promise((settle, refuse) => {
    const child = spawn(command, args, { cwd: ROOT, env, stdio: 'pipe' })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    child.on('error', refuse)
    child.on('close', (code) => settle({ exitCode: code ?? 1, stdout, stderr }))
    // A command that ends without reading its input closes the pipe; its exit code tells the story.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

/** `keydesk …`, as a person would type it. */
export const keydesk = (args: readonly string[], input?: string): Promise<CommandResult> =>
  runCommand('node', ['packages/cli/bin/keydesk.js', ...args], input)

/** `keydesk-agent …`, as a PC would run it. */
export const keydeskAgent = (args: readonly string[], input?: string): Promise<CommandResult> =>
  runCommand('node', ['packages/agent/bin/keydesk-agent.js', ...args], input)

/** Whether a command is installed. */
export async function isInstalled(command: string): Promise<boolean> {
  const found = await runCommand('sh', ['-c', 'command -v "$0"', command]).catch(() => undefined)
  return found?.exitCode === 0
}
