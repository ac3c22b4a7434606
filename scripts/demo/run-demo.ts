/** The steps of the demo, in the order of a recovery password's life. */
import type { AuditEntry, Disclosure } from '@keydesk/contract'
import type { ApiClient } from '../api-client.ts'
import { createSamplePcs, encryptPc, enrollPc, roundOf, type SamplePc } from '../sample-fleet.ts'
import { cryptsetupOpens, keydeskOpens, readProtectors } from './judge-volume.ts'
import type { DemoPrinter } from './print-steps.ts'

export interface Demo {
  readonly printer: DemoPrinter
  /** An empty folder for the sample PCs. */
  readonly folder: string
  readonly origin: string
  start(): Promise<ApiClient>
  stop(): Promise<void>
}

const PC_COUNT = 3
const ENROLMENT_SECONDS = 3600
const AUDIT_WAIT_MS = 5000
/** Exit code of the agent where the service cannot be reached (docs/agent.md). */
const UNREACHABLE = 3

export async function runDemo(demo: Demo): Promise<void> {
  const { printer } = demo
  printer.step('The service starts on a PostgreSQL of its own')
  let api = await demo.start()
  printer.note(`it answers at ${demo.origin}`)

  const pcs = await makeFleet(demo, api)
  const [lucky] = pcs
  if (lucky === undefined) throw new Error('the demo needs a PC')
  await refuseWithoutService(demo, lucky)

  printer.step('The service is back: every PC escrows first, then encrypts')
  api = await demo.start()
  await escrowAndEncrypt(demo, pcs)

  const locked = await lookUp(demo, api, lucky)
  const shown = await disclose(demo, api, locked, lucky)
  await rotate(demo, api, shown, lucky)
  await printAudit(demo, api)
}

async function makeFleet({ printer, folder, origin }: Demo, api: ApiClient): Promise<SamplePc[]> {
  printer.step('Three sample PCs with plain disks enrol with a token')
  const pcs = await createSamplePcs(folder, PC_COUNT)
  const { token } = await api.createEnrollmentToken({
    name: 'demo',
    usesMax: PC_COUNT,
    expiresInSeconds: ENROLMENT_SECONDS,
  })
  for (const pc of pcs) {
    const { exitCode, stdout, stderr } = await enrollPc(pc, origin, token)
    printer.holds(`${pc.name} is enrolled`, exitCode === 0, stdout + stderr)
  }
  return pcs
}

async function refuseWithoutService(demo: Demo, pc: SamplePc): Promise<void> {
  const { printer } = demo
  printer.step(`The service is stopped, and ${pc.name} wants to encrypt`)
  await demo.stop()
  const { exitCode, stdout, stderr } = await encryptPc(pc)
  const isRefusal = exitCode === UNREACHABLE && /without a receipt/.test(stdout + stderr)
  printer.holds('its own agent refuses: no receipt, no encryption', isRefusal, stdout + stderr)
  printer.note((stderr + stdout).trim())
  const { isBitLocker } = await readProtectors(pc)
  printer.holds('the disk is still a plain file system', !isBitLocker)
}

async function escrowAndEncrypt({ printer }: Demo, pcs: readonly SamplePc[]): Promise<void> {
  for (const pc of pcs) {
    const { exitCode, stdout, stderr } = await roundOf(pc)
    const { isBitLocker, recoveryKeyIds } = await readProtectors(pc)
    printer.holds(
      `${pc.name} escrowed ${shortId(recoveryKeyIds[0])} and its disk is a BitLocker volume`,
      exitCode === 0 && isBitLocker && recoveryKeyIds.length === 1,
      stdout + stderr,
    )
  }
}

async function lookUp({ printer }: Demo, api: ApiClient, pc: SamplePc): Promise<string> {
  printer.step(`${pc.name} asks for its recovery key`)
  const { recoveryKeyIds } = await readProtectors(pc)
  const onScreen = shortId(recoveryKeyIds[0])
  const { items } = await api.findRecoveryKeys(onScreen)
  const [found] = items
  printer.holds(
    `the 8 characters ${onScreen} on its screen find one key, of ${found?.device.name ?? 'nobody'}`,
    items.length === 1 && found?.device.name === pc.name,
  )
  printer.holds('the hit shows no recovery password', !JSON.stringify(items).match(/\d{6}-\d{6}/))
  return found?.recoveryKeyId ?? ''
}

async function disclose(
  { printer }: Demo,
  api: ApiClient,
  recoveryKeyId: string,
  pc: SamplePc,
): Promise<Disclosure> {
  printer.step('A person looks at that one key, with a reason')
  const shown = await api.disclose({
    recoveryKeyId,
    reason: { code: 'recoveryScreen', text: 'After a firmware update', ticket: 'INC-1042' },
  })
  printer.note(shown.recoveryPassword)
  printer.holds('it unlocks the disk', await keydeskOpens(pc, shown.recoveryPassword))
  await judge(printer, 'cryptsetup accepts it', pc, shown.recoveryPassword, true)
  const { items } = await api.listExposures()
  printer.holds(
    'an exposure is open',
    items.some(({ id, state }) => isOpen(id, state, shown)),
  )
  return shown
}

const isOpen = (id: string, state: string, shown: Disclosure): boolean =>
  id === shown.exposureId && state === 'open'

async function rotate(
  { printer }: Demo,
  api: ApiClient,
  shown: Disclosure,
  pc: SamplePc,
): Promise<void> {
  printer.step('The PC replaces the password that was looked at')
  const { exitCode, stdout, stderr } = await roundOf(pc)
  const { recoveryKeyIds } = await readProtectors(pc)
  const [successor = ''] = recoveryKeyIds
  printer.holds(
    `${shortId(shown.recoveryKeyId)} is gone from the disk, ${shortId(successor)} took its place`,
    exitCode === 0 && recoveryKeyIds.length === 1 && successor !== shown.recoveryKeyId,
    stdout + stderr,
  )
  const { items } = await api.listExposures()
  const exposure = items.find(({ id }) => id === shown.exposureId)
  printer.holds('the disk has proven it: the exposure is closed', exposure?.state === 'closed')
  printer.holds('the old password is refused', !(await keydeskOpens(pc, shown.recoveryPassword)))
  await judge(printer, 'cryptsetup refuses it too', pc, shown.recoveryPassword, false)

  printer.step('The new password, as the service has it')
  const { recoveryPassword } = await api.disclose({
    recoveryKeyId: successor,
    reason: { code: 'drill', text: 'Does the new key unlock?' },
  })
  printer.holds('it unlocks the disk', await keydeskOpens(pc, recoveryPassword))
  await judge(printer, 'cryptsetup accepts it', pc, recoveryPassword, true)
}

async function judge(
  printer: DemoPrinter,
  claim: string,
  pc: SamplePc,
  recoveryPassword: string,
  expected: boolean,
): Promise<void> {
  const opens = await cryptsetupOpens(pc, recoveryPassword)
  if (opens === undefined) printer.note('cryptsetup is not installed here; it was not asked')
  else printer.holds(claim, opens === expected)
}

async function printAudit({ printer }: Demo, api: ApiClient): Promise<void> {
  printer.step('What is on record')
  const entries = await sequencedEntries(api)
  const isContiguous = entries.every(({ index }, position) => index === position)
  const looks = entries.filter(({ action }) => action === 'disclosure.request').length
  for (const { index, action, outcome, actor, recoveryKeyId } of entries) {
    const who = actor.name ?? actor.type
    const key = recoveryKeyId === undefined ? '' : shortId(recoveryKeyId)
    printer.note(
      `${String(index).padStart(3)}  ${action.padEnd(24)} ${outcome.padEnd(8)} ${who.padEnd(16)} ${key}`,
    )
  }
  printer.holds(`${entries.length} entries without a gap`, isContiguous && entries.length > 0)
  printer.holds('both looks are among them', looks === 2)
  printer.holds(
    'and none of them holds a recovery password',
    !/(\d{6}-?){7}\d{6}/.test(JSON.stringify(entries)),
  )
}

/** The sequencer gives indexes a moment after the commit; wait for the last look to have one. */
async function sequencedEntries(api: ApiClient): Promise<AuditEntry[]> {
  const deadline = performance.now() + AUDIT_WAIT_MS
  for (;;) {
    const { items } = await api.listAuditEntries(-1)
    const shown = items.filter(({ action }) => action === 'disclosure.show').length
    if (shown === 2 || performance.now() > deadline) return items
    await new Promise((wake) => setTimeout(wake, 100))
  }
}

const shortId = (id = ''): string => id.slice(0, 8).toUpperCase()
