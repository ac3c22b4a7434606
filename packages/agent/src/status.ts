/**
 * `keydesk-agent status`: what is on the disks and what is known of it. Asks the disks and the
 * state file, never the service, and changes nothing; it runs beside a running agent.
 */
import { recoveryPasswordIds } from './agent.ts'
import type { Agent } from './agent.ts'
import type { ActionResult, KnownPolicy, LastRound, RotationIntent } from './agent-state.ts'
import { isDisputed } from './agent-state.ts'
import { isEscrowed } from './escrow-password.ts'
import { isFixed } from './run-round.ts'
import type { ProtectorType, ProviderVolume } from './volume-provider.ts'

export type EscrowState = 'escrowed' | 'notEscrowed' | 'disputed' | 'unknown'

export interface ProtectorStatus {
  readonly id: string
  readonly type: ProtectorType
  /** Of recovery passwords only; `unknown` where the volume is locked. */
  readonly escrow?: EscrowState
  readonly receiptStoredAt?: string
}

export interface VolumeReport {
  readonly volumeId: string
  readonly volumeType: ProviderVolume['type']
  readonly mountPoint?: string
  readonly status: ProviderVolume['status']
  readonly protection: ProviderVolume['protection']
  readonly lock: ProviderVolume['lock']
  readonly encryptionMethod?: string
  readonly protectors: readonly ProtectorStatus[] | null
}

export interface StatusReport {
  readonly device: { readonly name: string; readonly deviceId: string }
  readonly server: string
  readonly enrolledAt: string
  readonly clockOffsetSeconds: number
  readonly checkInIntervalSeconds: number
  readonly policy: KnownPolicy | null
  readonly lastRound: LastRound | null
  readonly volumes: readonly VolumeReport[]
  readonly rotations: readonly RotationIntent[]
  readonly results: readonly ActionResult[]
  /** False when a person should look: see `needsAttention`. */
  readonly ok: boolean
}

export async function readStatus(agent: Agent): Promise<StatusReport> {
  const state = await agent.state.current()
  const { name } = await agent.provider.describeDevice()
  const volumes: VolumeReport[] = []
  for (const volume of await agent.provider.listVolumes()) {
    volumes.push(await reportVolume(agent, volume))
  }
  const report = {
    device: { name, deviceId: agent.enrollment.deviceId },
    server: state.server,
    enrolledAt: agent.enrollment.enrolledAt,
    clockOffsetSeconds: Math.round(state.clockOffsetMs / 1000),
    checkInIntervalSeconds: state.checkInIntervalSeconds,
    policy: state.policy ?? null,
    lastRound: state.lastRound ?? null,
    volumes,
    rotations: state.rotations,
    results: state.results,
  }
  return { ...report, ok: !needsAttention(report) }
}

/** An encrypted volume that nobody could recover, a policy that is not met, or a failed round. */
function needsAttention({
  volumes,
  policy,
  lastRound,
}: Pick<StatusReport, 'volumes' | 'policy' | 'lastRound'>): boolean {
  if (lastRound === null || lastRound.problems.length > 0) return true
  return volumes.some((volume) => {
    if (volume.status === 'fullyDecrypted') {
      return (policy?.requireEncryption ?? false) && isFixed({ type: volume.volumeType })
    }
    return !(volume.protectors ?? []).some(({ escrow }) => escrow === 'escrowed')
  })
}

async function reportVolume(agent: Agent, volume: ProviderVolume): Promise<VolumeReport> {
  const { id, type, mountPoint, status, protection, lock, encryptionMethod } = volume
  const passwords = new Set(recoveryPasswordIds(volume))
  const protectors: ProtectorStatus[] = []
  for (const protector of volume.protectors ?? []) {
    protectors.push(
      passwords.has(protector.id)
        ? await reportPassword(agent, volume, protector.id)
        : { id: protector.id, type: protector.type },
    )
  }
  return {
    volumeId: id,
    volumeType: type,
    ...(mountPoint === undefined ? {} : { mountPoint }),
    status,
    protection,
    lock,
    ...(encryptionMethod === undefined ? {} : { encryptionMethod }),
    protectors: volume.protectors === null ? null : protectors,
  }
}

async function reportPassword(
  agent: Agent,
  volume: ProviderVolume,
  protectorId: string,
): Promise<ProtectorStatus> {
  const name = { volumeId: volume.id, protectorId }
  const state = await agent.state.current()
  const type = 'recoveryPassword'
  if (isDisputed(state, name)) return { id: protectorId, type, escrow: 'disputed' }
  const stored = state.receipts.find(
    (receipt) => receipt.volumeId === volume.id && receipt.protectorId === protectorId,
  )
  if (stored === undefined) return { id: protectorId, type, escrow: 'notEscrowed' }
  if (volume.lock === 'locked') return { id: protectorId, type, escrow: 'unknown' }
  const isGood = await isEscrowed(agent, name)
  return isGood
    ? { id: protectorId, type, escrow: 'escrowed', receiptStoredAt: stored.storedAt }
    : { id: protectorId, type, escrow: 'notEscrowed' }
}
