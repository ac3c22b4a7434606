/**
 * One round: what the agent does at every check-in, from whatever state it finds.
 *
 *   1. escrow every recovery password that is on a disk and has no receipt
 *   2. check in: policy, rotations that are due, what the service has proved
 *   3. escrow again what the service turns out to have lost
 *   4. rotations: those begun earlier first, then those that are due
 *   5. encrypt what the policy (or the person) wants encrypted; give an encrypted volume without an
 *      escrowed password one
 *   6. check in again when the disks, the results or the keys changed, so that the service sees the
 *      proof. What this answer lacks is left to the next round: no key is escrowed again twice in
 *      one.
 *
 * A failure that only time can cure (the service, the state file) ends the round; one that belongs
 * to one volume is a problem of that volume, and the others go on.
 */
import type { CheckInResponse } from '@keydesk/contract'
import { findVolume, recoveryPasswordIds, timeNow, volumeName } from './agent.ts'
import type { Agent } from './agent.ts'
import type { AgentState, Problem, StoredReceipt } from './agent-state.ts'
import { checkIn } from './check-in.ts'
import { encryptVolume } from './encrypt-volume.ts'
import { ensurePassword } from './ensure-password.ts'
import { AgentError, isTemporary } from './errors.ts'
import { escrowPassword } from './escrow-password.ts'
import { AGENT_LIMITS } from './limits.ts'
import { dropReceipts } from './lost-keys.ts'
import { pruneState } from './prune-state.ts'
import { rotatePassword } from './rotate-password.ts'
import type { Rotation } from './rotate-password.ts'
import { ProviderError } from './volume-provider.ts'
import type { NewEncryptionMethod, ProviderVolume, VolumeStatus } from './volume-provider.ts'

export interface RoundOptions {
  /** Drive letters or volume GUIDs that a person wants encrypted now, or `all`. */
  readonly encrypt?: readonly string[] | 'all'
}

export interface RoundReport {
  readonly checkedIn: boolean
  readonly problems: readonly Problem[]
  /** What ended the round early. */
  readonly error?: AgentError
}

/** Never throws an expected failure; see `error` of the report. */
export async function runRound(agent: Agent, options: RoundOptions = {}): Promise<RoundReport> {
  const round = new Round(agent, options)
  try {
    await round.run()
  } catch (thrown) {
    const error = asAgentError(thrown)
    await round.end(error)
    return { checkedIn: round.checkedIn, problems: round.problems, error }
  }
  await round.end()
  return { checkedIn: round.checkedIn, problems: round.problems }
}

class Round {
  readonly #agent: Agent
  readonly #options: RoundOptions
  readonly #delays = new Map<string, string>()
  readonly problems: Problem[] = []
  checkedIn = false

  constructor(agent: Agent, options: RoundOptions) {
    this.#agent = agent
    this.#options = options
  }

  async run(): Promise<void> {
    const before = await this.#agent.provider.listVolumes()
    for (const volume of before) await this.#escrowAll(volume)
    const { response, lost } = await checkIn(this.#agent, this.#delays)
    this.checkedIn = true
    // Before everything that relies on receipts.
    if (lost.length > 0) await this.#escrowAgain(lost)
    const isChanged = await this.#act(response)
    if (isChanged || lost.length > 0) await checkIn(this.#agent, this.#delays)
  }

  async #escrowAgain(lost: readonly StoredReceipt[]): Promise<void> {
    await dropReceipts(this.#agent, lost)
    const volumeIds = new Set(lost.map(({ volumeId }) => volumeId))
    for (const volume of await this.#agent.provider.listVolumes()) {
      if (volumeIds.has(volume.id)) await this.#escrowAll(volume)
    }
  }

  async #escrowAll(volume: ProviderVolume): Promise<void> {
    if (volume.lock === 'locked') return
    for (const protectorId of recoveryPasswordIds(volume)) {
      await this.#guard(volume, () => escrowPassword(this.#agent, volume, protectorId))
    }
  }

  /** True when a disk may have changed. */
  async #act(response: CheckInResponse): Promise<boolean> {
    let isChanged = false
    for (const rotation of await this.#rotations(response)) {
      isChanged = true
      await this.#rotate(rotation)
    }
    const { requireEncryption, encryptionMethod } = response.policy
    for (const volume of await this.#agent.provider.listVolumes()) {
      const isWanted = this.#isEncryptionAsked(volume) || (requireEncryption && isFixed(volume))
      const isDone = await this.#guard(volume, () =>
        this.#protect(volume, isWanted, encryptionMethod),
      )
      isChanged ||= isDone ?? true
    }
    return isChanged
  }

  /** Those that were begun come first, and also when the service does not list them any more. */
  async #rotations(response: CheckInResponse): Promise<Rotation[]> {
    const begun = (await this.#agent.state.current()).rotations
    const isBegun = new Set(begun.map(({ actionId }) => actionId))
    const due = response.actions
      .filter(({ id }) => !isBegun.has(id))
      .map(({ id, volumeId, protectorId }) => ({ actionId: id, volumeId, protectorId }))
    return [...begun, ...due].slice(0, AGENT_LIMITS.actionsPerCheckIn)
  }

  async #rotate({ actionId, volumeId, protectorId }: Rotation): Promise<void> {
    try {
      await rotatePassword(this.#agent, { actionId, volumeId, protectorId })
    } catch (error) {
      const problem = this.#problemOf(error, { id: volumeId })
      this.#delays.set(actionId, problem.code)
    }
  }

  /** True when the volume was changed. */
  async #protect(
    volume: ProviderVolume,
    isEncryptionWanted: boolean,
    method: NewEncryptionMethod,
  ): Promise<boolean> {
    if (volume.lock === 'locked' || volume.protectors === null) return false
    if (volume.status === 'fullyDecrypted') {
      if (!isEncryptionWanted) return false
      return await encryptVolume(this.#agent, volume.id, method)
    }
    if (!ENCRYPTED.has(volume.status)) return false
    const before = recoveryPasswordIds(volume).length
    await ensurePassword(this.#agent, volume.id)
    const after = await findVolume(this.#agent, volume.id)
    return after === undefined || recoveryPasswordIds(after).length !== before
  }

  #isEncryptionAsked({ id, mountPoint }: ProviderVolume): boolean {
    const { encrypt = [] } = this.#options
    if (encrypt === 'all') return true
    return encrypt.some((name) => name === id || name === mountPoint)
  }

  async #guard<T>(volume: ProviderVolume, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      this.#problemOf(error, volume)
      return undefined
    }
  }

  /** Keep the failure as a problem of the volume, or rethrow it when it ends the round. */
  #problemOf(error: unknown, volume: Pick<ProviderVolume, 'id' | 'mountPoint'>): Problem {
    const isOurs = error instanceof AgentError || error instanceof ProviderError
    if (!isOurs || isTemporary(error) || endsRound(error)) throw error
    const problem = { code: error.code, message: error.message, volumeId: volume.id }
    this.problems.push(problem)
    this.#agent.say(`${volumeName(volume)}  ${error.message}`)
    return problem
  }

  /** Keep how the round went, for `status`. With a broken state file there is nothing to keep. */
  async end(error?: AgentError): Promise<void> {
    if (error !== undefined) {
      this.problems.push({ code: error.code, message: error.message })
      this.#agent.say(error.message)
      if (endsRound(error)) return
      this.problems.push(...(await this.#refusals()))
    }
    const volumes = error === undefined ? await this.#listIfPossible() : undefined
    const lastRound = {
      at: timeNow(this.#agent),
      checkedIn: this.checkedIn,
      problems: this.problems,
    }
    try {
      await this.#agent.state.update((state) => ({
        ...pruneState(state, volumes),
        clockOffsetMs: this.#agent.service.clockOffsetMs,
        lastRound,
      }))
    } catch (failure) {
      // Only `status` misses it; the steps themselves stored what they must remember.
      if (!(failure instanceof AgentError)) throw failure
      this.#agent.say(failure.message)
    }
  }

  /** A person who wanted an encryption is told why there is none. */
  async #refusals(): Promise<Problem[]> {
    const volumes = await this.#plainVolumes(await this.#agent.state.current())
    return volumes.map((volume) => {
      const message =
        `${volumeName(volume)} was not encrypted: without a receipt for its recovery password ` +
        'the encryption does not start.'
      this.#agent.say(message)
      return { code: 'ENCRYPTION_REFUSED', message, volumeId: volume.id }
    })
  }

  async #plainVolumes(state: AgentState): Promise<ProviderVolume[]> {
    // Before the first check-in the policy is not known; a person is told all the same.
    const isPolicy = state.policy?.requireEncryption ?? true
    const volumes = (await this.#listIfPossible()) ?? []
    return volumes.filter(
      (volume) =>
        volume.status === 'fullyDecrypted' &&
        ((isPolicy && isFixed(volume)) || this.#isEncryptionAsked(volume)),
    )
  }

  async #listIfPossible(): Promise<ProviderVolume[] | undefined> {
    try {
      return await this.#agent.provider.listVolumes()
    } catch (error) {
      if (error instanceof ProviderError) return undefined
      throw error
    }
  }
}

/** What has a recovery password that must be escrowed; a volume on its way back needs none. */
const ENCRYPTED: ReadonlySet<VolumeStatus> = new Set<VolumeStatus>([
  'fullyEncrypted',
  'encryptionInProgress',
  'encryptionSuspended',
  'fullyEncryptedWipeInProgress',
  'fullyEncryptedWipeSuspended',
])

/** `RequireDeviceEncryption` of the BitLocker CSP means what is built into the PC. */
export function isFixed({ type }: Pick<ProviderVolume, 'type'>): boolean {
  return type !== 'removable'
}

/** A state file that cannot be written or read: nothing may go on without a memory. */
function endsRound(error: AgentError | ProviderError): boolean {
  return error instanceof AgentError && error.code.startsWith('STATE_')
}

/** Rethrows what nobody expected: a bug, or the end of the process. */
function asAgentError(error: unknown): AgentError {
  if (error instanceof AgentError) return error
  if (!(error instanceof ProviderError)) throw error
  return new AgentError('PROVIDER_FAILED', error.message, { cause: error })
}
