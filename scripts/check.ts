/**
 * Everything that can be said of the tree without running the product, all at once: types, lint,
 * format, dead code, house rules, generated files. Prints a line a check, and the output of those
 * that failed.
 */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

interface Check {
  readonly name: string
  readonly command: readonly string[]
}

const CHECKS: readonly Check[] = [
  { name: 'types', command: ['tsc', '-p', '.'] },
  { name: 'types (portal)', command: ['tsc', '-p', 'packages/portal'] },
  { name: 'lint', command: ['oxlint', '--deny-warnings'] },
  { name: 'format', command: ['oxfmt', '--check', '.'] },
  { name: 'dead code', command: ['knip', '--no-progress'] },
  { name: 'tidy', command: ['node', 'scripts/tidy.ts'] },
  { name: 'settings in docs', command: ['node', 'scripts/operations-docs.ts', '--check'] },
  { name: 'catalogues in docs', command: ['node', 'scripts/catalogue-docs.ts', '--check'] },
  { name: 'roles in docs', command: ['node', 'scripts/roles-docs.ts', '--check'] },
  { name: 'database types', command: ['node', 'scripts/db-schema.ts', '--check'] },
]

interface Outcome {
  readonly check: Check
  readonly passed: boolean
  readonly seconds: number
  readonly output: string
}

function run(check: Check): Promise<Outcome> {
  const started = performance.now()
  const [command = '', ...args] = check.command
  return new Promise((settle) => {
    const child = spawn(command, args, {
      cwd: resolve(import.meta.dirname, '..'),
      shell: process.platform === 'win32',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const end = (passed: boolean): void =>
      settle({ check, passed, seconds: (performance.now() - started) / 1000, output })
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', (error) => {
      output += `${error.message}: is it run by "npm run check", after "npm ci"?\n`
      end(false)
    })
    child.on('close', (code) => end(code === 0))
  })
}

const outcomes = await Promise.all(CHECKS.map(run))
for (const { check, passed, seconds } of outcomes) {
  console.log(`${passed ? 'ok  ' : 'FAIL'}  ${check.name.padEnd(18)} ${seconds.toFixed(1)} s`)
}
const failed = outcomes.filter((outcome) => !outcome.passed)
for (const { check, output } of failed) console.log(`\n── ${check.name}\n${output.trimEnd()}`)
process.exitCode = failed.length === 0 ? 0 : 1
