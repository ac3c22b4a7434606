/**
 * Goal: the main job holds from end to end, and the demo says so honestly.
 * Method: the command that a newcomer runs, as a process of its own.
 */
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { runCommand } from '../../scripts/run-command.ts'

test('npm run demo -- --exit: every step holds, and it ends with 0', async () => {
  const { exitCode, stdout, stderr } = await runCommand('node', ['scripts/demo.ts', '--exit'])
  expect(stderr).toBe('')
  expect(exitCode).toBe(0)
  expect(stdout).toContain('✓ its own agent refuses: no receipt, no encryption')
  expect(stdout).toContain('✓ the old password is refused')
  expect(stdout).toMatch(/9 steps, \d+ claims, all of them held, in \d+\.\d s\n$/)
})

test('a demo whose service cannot start ends with 1 and leaves no folder behind', async () => {
  // No node on the PATH: the service does not come up, whatever the machine has.
  const { exitCode, stderr } = await runCommand(
    process.execPath,
    ['scripts/demo.ts', '--exit'],
    '',
    {
      PATH: '/nonexistent',
      TMPDIR: '/tmp',
    },
  )
  expect(exitCode).toBe(1)
  expect(stderr).toContain('The demo stopped:')
  const folder = /\/\S*keydesk-demo-\w+/.exec(stderr)?.[0]
  expect(folder === undefined || !existsSync(folder)).toBe(true)
})
