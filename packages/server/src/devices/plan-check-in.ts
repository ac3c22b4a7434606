/**
 * What a check-in changes, worked out from what is stored and what the device reports. Pure: the
 * rules of promise P4 are here, and the writing is elsewhere.
 *
 * Only a protector list proves anything. A volume that is not in the report, or whose list is null,
 * leaves its keys, exposures and rotations as they are.
 */

import type { ActionReport, CheckInRequest, ReportedVolume } from '@keydesk/contract'
import { decodeBase64Url } from '@keydesk/contract/base64url'

export interface KnownKey {
  readonly id: number
  readonly volumeId: string
  readonly protectorId: string
  readonly state: 'active' | 'superseded'
  readonly proof: 'attested' | 'pending' | 'verified' | 'mismatch'
}

export interface OpenRotation {
  readonly id: string
  readonly keyId: number
  readonly volumeId: string
  readonly protectorId: string
  readonly trigger: 'disclosure' | 'mismatch' | 'byHand' | 'retry'
  readonly state: 'requested' | 'delivered' | 'inProgress'
  readonly attempt: number
  /** RFC 3339 */
  readonly notBefore: string
  readonly detailCode: string | null
}

interface OpenExposure {
  readonly id: string
  readonly keyId: number
  readonly volumeId: string
  readonly protectorId: string
}

/** What is stored about a device, as far as a check-in may change it. */
export interface DeviceState {
  /** Every active key, and every key of a reported protector. */
  readonly keys: readonly KnownKey[]
  readonly rotations: readonly OpenRotation[]
  readonly exposures: readonly OpenExposure[]
}

export interface RotationStep {
  readonly rotation: OpenRotation
  readonly state: 'inProgress' | 'done' | 'failed' | 'notSupported'
  readonly detailCode: string | null
}

export interface CheckInPlan {
  readonly supersede: readonly KnownKey[]
  readonly reactivate: readonly KnownKey[]
  readonly close: readonly { readonly exposure: OpenExposure; readonly successor: KnownKey }[]
  readonly rotationSteps: readonly RotationStep[]
  /** Rotations that the device is told for the first time. */
  readonly deliver: readonly OpenRotation[]
  readonly proofs: readonly { readonly keyId: number; readonly entry: Uint8Array }[]
}

export function planCheckIn(state: DeviceState, report: CheckInRequest, now: Date): CheckInPlan {
  const lists = protectorLists(report)
  const rotationSteps = planRotations(state, lists, report.actions)
  const finished = new Set(
    rotationSteps.filter((step) => step.state !== 'inProgress').map(({ rotation }) => rotation.id),
  )
  return {
    ...planKeys(state.keys, lists),
    close: state.exposures.flatMap((exposure) => {
      const successor = provenSuccessor(state.keys, lists, exposure)
      return successor === undefined ? [] : [{ exposure, successor }]
    }),
    rotationSteps,
    deliver: state.rotations.filter(
      (rotation) =>
        rotation.state === 'requested' && isDue(rotation, now) && !finished.has(rotation.id),
    ),
    proofs: planProofs(state.keys, lists),
  }
}

export function isEmptyPlan(plan: CheckInPlan): boolean {
  return Object.values(plan).every((steps: readonly unknown[]) => steps.length === 0)
}

export function isDue(rotation: OpenRotation, now: Date): boolean {
  return Date.parse(rotation.notBefore) <= now.getTime()
}

type ProtectorList = NonNullable<ReportedVolume['protectors']>
type ProtectorLists = ReadonlyMap<string, ProtectorList>

function protectorLists(report: CheckInRequest): ProtectorLists {
  return new Map(
    report.volumes.flatMap(({ volumeId, protectors }) =>
      protectors === null ? [] : [[volumeId, protectors] as const],
    ),
  )
}

/** A key follows its protector: gone from a list means superseded, back on it means active. */
function planKeys(keys: readonly KnownKey[], lists: ProtectorLists) {
  const supersede: KnownKey[] = []
  const reactivate: KnownKey[] = []
  for (const key of keys) {
    const list = lists.get(key.volumeId)
    if (list === undefined) continue
    const isOnDisk = list.some(({ id }) => id === key.protectorId)
    if (key.state === 'active' && !isOnDisk) supersede.push(key)
    if (key.state === 'superseded' && isOnDisk) reactivate.push(key)
  }
  return { supersede, reactivate }
}

/**
 * The stored key that takes over from a disclosed one: the disclosed protector is gone from the
 * list of its volume, and another recovery password on that same list is stored here. A key that is
 * known not to open the volume takes over from nothing.
 */
function provenSuccessor(
  keys: readonly KnownKey[],
  lists: ProtectorLists,
  replaced: { readonly keyId: number; readonly volumeId: string; readonly protectorId: string },
): KnownKey | undefined {
  const list = lists.get(replaced.volumeId)
  if (list === undefined || list.some(({ id }) => id === replaced.protectorId)) return undefined
  const passwords = new Set(
    list.filter(({ type }) => type === 'recoveryPassword').map(({ id }) => id),
  )
  return keys.find(
    (key) =>
      key.id !== replaced.keyId &&
      key.volumeId === replaced.volumeId &&
      key.proof !== 'mismatch' &&
      passwords.has(key.protectorId),
  )
}

/** The disk decides; what the device says about its work counts where the disk does not show it. */
function planRotations(
  state: DeviceState,
  lists: ProtectorLists,
  reports: readonly ActionReport[],
): RotationStep[] {
  return state.rotations.flatMap((rotation): RotationStep[] => {
    if (provenSuccessor(state.keys, lists, rotation) !== undefined) {
      return [{ rotation, state: 'done', detailCode: null }]
    }
    const claim = reports.find(({ id }) => id === rotation.id)
    // A rotation that was never delivered cannot have been worked on.
    if (claim === undefined || rotation.state === 'requested') return []
    const detailCode = claim.detailCode ?? null
    if (claim.state === 'failed' || claim.state === 'notSupported') {
      return [{ rotation, state: claim.state, detailCode }]
    }
    const isNews = rotation.state !== 'inProgress' || rotation.detailCode !== detailCode
    return isNews ? [{ rotation, state: 'inProgress', detailCode }] : []
  })
}

/** Entries that came with the report, for keys that nobody has proven yet. */
function planProofs(keys: readonly KnownKey[], lists: ProtectorLists) {
  return keys.flatMap((key) => {
    if (key.proof !== 'attested') return []
    const protector = lists.get(key.volumeId)?.find(({ id }) => id === key.protectorId)
    const entry =
      protector?.type === 'recoveryPassword' ? decodeBase64Url(protector.entry ?? '') : undefined
    return entry === undefined || entry.length === 0 ? [] : [{ keyId: key.id, entry }]
  })
}
