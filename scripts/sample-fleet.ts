/** Sample PCs with an agent each, for the demo and the development mode. */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { createSamplePc } from '@keydesk/agent/sample-pc'
import { keydeskAgent, type CommandResult } from './run-command.ts'

export interface SamplePc {
  readonly name: string
  readonly folder: string
  /** The disk image: a plain file system first, a BitLocker volume later. */
  readonly image: string
  readonly stateFile: string
}

const MODELS = [
  { name: 'LAPTOP-7Q2', manufacturer: 'Lenovo', model: 'ThinkPad T14 Gen 5' },
  { name: 'DESK-0041', manufacturer: 'Dell', model: 'OptiPlex 7020' },
  { name: 'SURFACE-19', manufacturer: 'Microsoft', model: 'Surface Pro 10' },
] as const

/** Windows refuses BitLocker on a volume that is smaller. */
const DISK_BYTES = 64 * 1024 * 1024

/** Makes up to three PCs below `folder`; one that is there already is left as it is. */
export async function createSamplePcs(folder: string, count: number): Promise<SamplePc[]> {
  const pcs: SamplePc[] = []
  for (const [index, facts] of MODELS.slice(0, count).entries()) {
    const directory = join(folder, facts.name)
    const isThere = await access(directory).then(
      () => true,
      () => false,
    )
    if (!isThere) {
      await createSamplePc(directory, {
        ...facts,
        serialNumber: `KD-2026-000${index + 1}`,
        volumes: [{ type: 'operatingSystem', mountPoint: 'C:', sizeBytes: DISK_BYTES }],
      })
    }
    pcs.push({
      name: facts.name,
      folder: directory,
      image: join(directory, 'os.img'),
      stateFile: join(directory, 'agent-state.json'),
    })
  }
  return pcs
}

/** `keydesk-agent enroll` with the token on standard input. */
export function enrollPc(pc: SamplePc, origin: string, token: string): Promise<CommandResult> {
  const where = ['--provider', 'image', '--pc', pc.folder, '--state', pc.stateFile]
  return keydeskAgent(['enroll', '--server', origin, '--token-file', '-', ...where], token)
}

/** `keydesk-agent check-in`: one round. */
export function roundOf(pc: SamplePc): Promise<CommandResult> {
  return keydeskAgent(['check-in', '--state', pc.stateFile])
}

/** `keydesk-agent encrypt`: a person turns BitLocker on. */
export function encryptPc(pc: SamplePc): Promise<CommandResult> {
  return keydeskAgent(['encrypt', '--state', pc.stateFile])
}
