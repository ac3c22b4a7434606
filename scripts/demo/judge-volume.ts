/** Asks the `keydesk` command and cryptsetup about the disk of a sample PC. */
import { isInstalled, keydesk, runCommand } from '../run-command.ts'
import type { SamplePc } from '../sample-fleet.ts'

const NOT_A_VOLUME = 2

export interface DiskReport {
  readonly isBitLocker: boolean
  readonly recoveryKeyIds: readonly string[]
}

export async function readProtectors(pc: SamplePc): Promise<DiskReport> {
  const { exitCode, stdout, stderr } = await keydesk(['volume', 'inspect', pc.image, '--json'])
  if (exitCode === NOT_A_VOLUME) return { isBitLocker: false, recoveryKeyIds: [] }
  if (exitCode !== 0) throw new Error(`keydesk volume inspect failed: ${stderr}`)
  const { protectors } = JSON.parse(stdout) as { protectors: { id: string; type: string }[] }
  const passwords = protectors.filter(({ type }) => type === 'recoveryPassword')
  return { isBitLocker: true, recoveryKeyIds: passwords.map(({ id }) => id) }
}

/** `keydesk volume verify`; the password goes through standard input, never an argument. */
export async function keydeskOpens(pc: SamplePc, recoveryPassword: string): Promise<boolean> {
  const args = ['volume', 'verify', pc.image, '--recovery-password-file', '-', '--json']
  const { exitCode, stdout, stderr } = await keydesk(args, recoveryPassword)
  if (exitCode > 1) throw new Error(`keydesk volume verify failed: ${stderr}`)
  return (JSON.parse(stdout) as { unlocks: boolean }).unlocks
}

/** `undefined` where cryptsetup is not installed. */
export async function cryptsetupOpens(
  pc: SamplePc,
  recoveryPassword: string,
): Promise<boolean | undefined> {
  if (!(await isInstalled('cryptsetup'))) return undefined
  const args = ['open', '--type', 'bitlk', '--test-passphrase', '--readonly', pc.image]
  const { exitCode } = await runCommand('cryptsetup', args, recoveryPassword)
  return exitCode === 0
}
