/**
 * What the agent must remember. Source of truth for the file format: docs/spec/agent-state.md.
 *
 * The file is the agent's memory of what was *promised* (keys, receipts, intents), never of what is
 * on the disk: that is asked of the provider every time. So the worst an old state can do is make
 * the agent repeat a step.
 */
import { LIMITS } from '@keydesk/contract'
import type { EnrollResponse } from '@keydesk/contract'
import type { DeviceKeyJwk } from './device-key.ts'
import { AGENT_LIMITS } from './limits.ts'
import type { NewEncryptionMethod } from './volume-provider.ts'

export interface Enrollment {
  readonly deviceId: string
  /** The service's own name for itself: `aud` of every request, `iss` of every receipt. */
  readonly origin: string
  /** Pinned: recovery keys are sealed to the one, receipts verified with the other. */
  readonly vaultKey: EnrollResponse['vaultKey']
  readonly receiptKey: EnrollResponse['receiptKey']
  readonly enrolledAt: string
}

/**
 * A receipt that was verified before it was stored; it is verified again before it is relied on.
 */
export interface StoredReceipt {
  readonly volumeId: string
  readonly protectorId: string
  /** Compact JWS. */
  readonly receipt: string
  readonly storedAt: string
}

/** A protector whose password the service will not stand for: it never counts as escrowed. */
export interface Dispute {
  readonly volumeId: string
  readonly protectorId: string
  /** `conflict`: the service holds another password for it. `mismatch`: it failed the proof. */
  readonly reason: 'conflict' | 'mismatch'
  readonly at: string
}

/**
 * A rotation that has begun. Written before the disk is touched, so that after a crash a recovery
 * password that is on the disk and not in `knownProtectorIds` is this rotation's own.
 */
export interface RotationIntent {
  readonly actionId: string
  readonly volumeId: string
  /** The protector to replace. */
  readonly protectorId: string
  readonly knownProtectorIds: readonly string[]
  readonly startedAt: string
}

export interface ActionResult {
  readonly actionId: string
  readonly volumeId: string
  readonly state: 'done' | 'failed' | 'notSupported'
  readonly detailCode?: string
  readonly at: string
  /** Absent until a check-in that carried the result was answered. */
  readonly reportedAt?: string
}

export interface KnownPolicy {
  readonly requireEncryption: boolean
  readonly encryptionMethod: NewEncryptionMethod
  readonly receivedAt: string
}

/** Something that `status` shows until a later round has got over it. */
export interface Problem {
  readonly code: string
  readonly message: string
  readonly volumeId?: string
}

export interface LastRound {
  readonly at: string
  readonly checkedIn: boolean
  readonly problems: readonly Problem[]
}

export interface AgentState {
  /** Origin of the service as it was given to `enroll`. */
  readonly server: string
  readonly provider: { readonly type: 'image'; readonly directory: string }
  /** P-256 private key as a JWK. */
  readonly deviceKey: DeviceKeyJwk
  readonly enrollment?: Enrollment
  /** Added to the PC's clock to get the service's. */
  readonly clockOffsetMs: number
  readonly checkInIntervalSeconds: number
  readonly receipts: readonly StoredReceipt[]
  readonly disputes: readonly Dispute[]
  readonly rotations: readonly RotationIntent[]
  readonly results: readonly ActionResult[]
  readonly policy?: KnownPolicy
  /** Recovery passwords of which the service has the metadata entry, by its last answer. */
  readonly provenProtectorIds: readonly string[]
  readonly lastRound?: LastRound
}

/** The state of an agent that has made its key and asked nobody yet. */
export function newState(start: Pick<AgentState, 'server' | 'provider' | 'deviceKey'>): AgentState {
  return {
    ...start,
    clockOffsetMs: 0,
    checkInIntervalSeconds: LIMITS.checkInIntervalSeconds,
    receipts: [],
    disputes: [],
    rotations: [],
    results: [],
    provenProtectorIds: [],
  }
}

/** The state with `receipt` in place of an earlier one for the same protector. */
export function withReceipt(state: AgentState, receipt: StoredReceipt): AgentState {
  const others = state.receipts.filter(
    (other) => other.volumeId !== receipt.volumeId || other.protectorId !== receipt.protectorId,
  )
  return { ...state, receipts: [...others, receipt] }
}

/** The state without exactly these receipts; a newer one for the same protector stays. */
export function withoutReceipts(state: AgentState, dropped: readonly StoredReceipt[]): AgentState {
  const isDropped = (receipt: StoredReceipt) =>
    dropped.some(
      (other) =>
        other.volumeId === receipt.volumeId &&
        other.protectorId === receipt.protectorId &&
        other.receipt === receipt.receipt,
    )
  return { ...state, receipts: state.receipts.filter((receipt) => !isDropped(receipt)) }
}

export function withDispute(state: AgentState, dispute: Dispute): AgentState {
  return isDisputed(state, dispute) ? state : { ...state, disputes: [...state.disputes, dispute] }
}

export function isDisputed(
  state: AgentState,
  name: { volumeId: string; protectorId: string },
): boolean {
  return state.disputes.some(
    (dispute) => dispute.volumeId === name.volumeId && dispute.protectorId === name.protectorId,
  )
}

/**
 * End an action: its intent goes and its result is kept until it is reported (and a while more).
 */
export function withResult(state: AgentState, result: ActionResult): AgentState {
  const others = state.results.filter((other) => other.actionId !== result.actionId)
  return {
    ...state,
    rotations: state.rotations.filter((intent) => intent.actionId !== result.actionId),
    results: [...others, result].slice(-AGENT_LIMITS.pastResults),
  }
}
