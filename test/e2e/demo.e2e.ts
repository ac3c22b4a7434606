/**
 * Goal: the main job holds from end to end, and the demo says so honestly.
 * Method: the command that a newcomer runs, as a process of its own.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCommand } from '../../scripts/run-command.ts'
import { startService } from '../../scripts/service-process.ts'

test('npm run demo -- --exit: every step holds, and it ends with 0', async () => {
  // Settings of another service in the shell are none of the demo's business.
  const { exitCode, stdout, stderr } = await runCommand('node', ['scripts/demo.ts', '--exit'], '', {
    ...process.env,
    DATABASE_URL: 'postgres://keydesk@127.0.0.1:1/none',
    KEYDESK_VAULT_KEY_FILE: '/nonexistent/vault-key.json',
  })
  expect(stderr).toBe('')
  expect(exitCode).toBe(0)
  expect(stdout).toContain('✓ its own agent refuses: no receipt, no encryption')
  expect(stdout).toContain('✓ the old password is refused')
  expect(stdout).toMatch(/9 steps, \d+ claims, all of them held, in \d+\.\d s\n$/)
})

test('a service that does not start is an error that says why', async () => {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'keydesk-test-demo-'))
  try {
    const settings = { KEYDESK_LOG_LEVEL: 'loud' }
    const starting = startService({ dataDirectory, port: 1, settings })
    await expect(starting).rejects.toThrow(/the service did not start:[^]*KEYDESK_LOG_LEVEL/)
  } finally {
    await rm(dataDirectory, { recursive: true })
  }
})
