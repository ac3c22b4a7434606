/**
 * Rotation (promise P2): add, escrow, receipt on disk, and only then remove the one protector that
 * is to be replaced. At every instant some recovery password on the disk has a receipt.
 *
 * Resumption: the intent names the protectors that were known before the first step. A recovery
 * password on the disk that is not among them is this rotation's own, so a call that took effect
 * and whose answer was lost is not repeated. What was done is read from the disk, never from
 * memory.
 */
import { withResult } from './agent-state.ts'
import type { ActionResult, RotationIntent } from './agent-state.ts'
import { findVolume, recoveryPasswordIds, shortKeyId, timeNow, volumeName } from './agent.ts'
import type { Agent } from './agent.ts'
import { ensurePassword } from './ensure-password.ts'
import { AgentError } from './errors.ts'
import { isEscrowed } from './escrow-password.ts'
import { ProviderError } from './volume-provider.ts'
import type { ProviderErrorCode, ProviderVolume } from './volume-provider.ts'

/** What the service asks for. */
export interface Rotation {
  readonly actionId: string
  readonly volumeId: string
  /** The protector to replace. */
  readonly protectorId: string
}

/** Failures of the disk that another try will not cure, and what they are reported as. */
const FINAL: Partial<Record<ProviderErrorCode, 'failed' | 'notSupported'>> = {
  NOT_SUPPORTED: 'notSupported',
  POLICY_FORBIDS: 'notSupported',
  NOT_A_RECOVERY_PASSWORD: 'notSupported',
  METADATA_FULL: 'failed',
  LAST_PROTECTOR: 'failed',
}

/**
 * Carry a rotation as far as it goes and store its result. A failure that may pass (the service, a
 * locked volume, a disk error) is thrown, and the next round goes on from what is on the disk.
 */
export async function rotatePassword(agent: Agent, rotation: Rotation): Promise<void> {
  try {
    await rotate(agent, rotation)
  } catch (error) {
    const state = error instanceof ProviderError ? FINAL[error.code] : undefined
    if (state === undefined || !(error instanceof ProviderError)) throw error
    agent.say(`Rotation of ${shortKeyId(rotation.protectorId)}: ${error.message}`)
    await finish(agent, rotation, { state, detailCode: error.code })
  }
}

async function rotate(agent: Agent, rotation: Rotation): Promise<void> {
  const { actionId, volumeId, protectorId } = rotation
  const volume = await readable(agent, volumeId)
  const target = volume.protectors.find(({ id }) => id === protectorId)
  if (target === undefined) return await finish(agent, rotation, { state: 'done' })
  if (target.type !== 'recoveryPassword') {
    const result = { state: 'notSupported', detailCode: 'NOT_A_RECOVERY_PASSWORD' } as const
    return await finish(agent, rotation, result)
  }
  const intent = await begin(agent, { actionId, volumeId, protectorId }, volume)
  const known = new Set(intent.knownProtectorIds)
  const successor = await ensurePassword(agent, volumeId, (id) => !known.has(id))
  await requireSuccessor(agent, rotation, successor)
  await agent.provider.removeRecoveryPassword({ volumeId, protectorId })
  const after = await readable(agent, volumeId)
  if (after.protectors.some(({ id }) => id === protectorId)) {
    throw new ProviderError('DEVICE_FAILED', `${volumeName(volume)} still has the old password.`)
  }
  agent.say(
    `${volumeName(volume)}  recovery password ${shortKeyId(protectorId)} replaced by ` +
      shortKeyId(successor),
  )
  return await finish(agent, rotation, { state: 'done' })
}

async function readable(
  agent: Agent,
  volumeId: string,
): Promise<ProviderVolume & { protectors: NonNullable<ProviderVolume['protectors']> }> {
  const volume = await findVolume(agent, volumeId)
  if (volume === undefined) {
    throw new ProviderError('VOLUME_NOT_FOUND', `Volume ${volumeId} is not in this PC now.`)
  }
  const { protectors } = volume
  if (protectors === null || volume.lock === 'locked') {
    throw new ProviderError('VOLUME_LOCKED', `${volumeName(volume)} is locked or cannot be read.`)
  }
  return { ...volume, protectors }
}

/** Note, durably, what is on the disk before the first change. An earlier note stays. */
async function begin(
  agent: Agent,
  rotation: Rotation,
  volume: ProviderVolume,
): Promise<RotationIntent> {
  const isThis = (intent: RotationIntent) => intent.actionId === rotation.actionId
  const begun = (await agent.state.current()).rotations.find(isThis)
  if (begun !== undefined) return begun
  const intent: RotationIntent = {
    ...rotation,
    knownProtectorIds: (volume.protectors ?? []).map(({ id }) => id),
    startedAt: timeNow(agent),
  }
  await agent.state.update((state) => ({ ...state, rotations: [...state.rotations, intent] }))
  return intent
}

/** The last look before the removal: the successor is on the disk, and its receipt holds. */
async function requireSuccessor(
  agent: Agent,
  { volumeId, protectorId }: Rotation,
  successor: string,
): Promise<void> {
  const volume = await readable(agent, volumeId)
  const isThere = recoveryPasswordIds(volume).includes(successor) && successor !== protectorId
  if (!isThere || !(await isEscrowed(agent, { volumeId, protectorId: successor }))) {
    throw new AgentError(
      'RECEIPT_INVALID',
      `${volumeName(volume)} keeps recovery password ${shortKeyId(protectorId)}: ` +
        'its successor has no receipt that holds.',
    )
  }
}

async function finish(
  agent: Agent,
  { actionId, volumeId }: Rotation,
  result: Pick<ActionResult, 'state' | 'detailCode'>,
): Promise<void> {
  const at = timeNow(agent)
  await agent.state.update((state) => withResult(state, { actionId, volumeId, ...result, at }))
}
