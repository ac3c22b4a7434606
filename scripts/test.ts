/**
 * `npm test`: the checks, the portal's build, then every test. Ends with one line that a CI can
 * read: how many passed, failed and were skipped. Arguments are handed to vitest
 * (`npm test -- packages/bitlocker`), in which case only the tests run.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')
const filters = process.argv.slice(2)

function run(command: string, args: readonly string[]): boolean {
  const shell = process.platform === 'win32'
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', shell }).status === 0
}

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numFailedTestSuites: number
  readonly numPendingTests: number
}

function runTests(): { passed: boolean; report: Report | undefined } {
  const folder = mkdtempSync(join(tmpdir(), 'keydesk-test-'))
  const file = join(folder, 'report.json')
  try {
    const passed = run('vitest', [
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
      ...filters,
    ])
    return { passed, report: JSON.parse(readFileSync(file, 'utf8')) as Report }
  } catch {
    // No report: vitest did not get as far as running anything, and has said why.
    return { passed: false, report: undefined }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const checked = filters.length > 0 || run('node', ['scripts/check.ts'])
const built = filters.length > 0 || run('npm', ['run', '--silent', 'build'])
const { passed, report } = runTests()
if (!checked) console.log('\nnpm run check failed; its output is at the top.')
if (!built) console.log('\nnpm run build failed; its output is at the top.')
if (report !== undefined) {
  const skipped = report.numPendingTests
  // A suite that failed to load counts as one failure, or a broken import would read as success.
  const failed = report.numFailedTests + (report.numFailedTests === 0 && !passed ? 1 : 0)
  console.log(`\ntests: ${report.numPassedTests} passed, ${failed} failed, ${skipped} skipped`)
}
process.exitCode = checked && built && passed ? 0 : 1
