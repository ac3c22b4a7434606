/**
 * The regular report and its answer. Source of truth for the form: `CheckInRequest` of the
 * contract.
 *
 * A protector list is proof: the service takes what is missing from it for gone. So a list is sent
 * whole or, where it cannot be read or does not fit, as `null`, which proves nothing.
 */
import { encodeBase64Url } from '@keydesk/contract/base64url'
import { LIMITS } from '@keydesk/contract'
import type {
  ActionReport,
  CheckInRequest,
  CheckInResponse,
  ReportedProtector,
  ReportedVolume,
} from '@keydesk/contract'
import { timeNow } from './agent.ts'
import type { Agent } from './agent.ts'
import type { AgentState, Dispute, StoredReceipt } from './agent-state.ts'
import { AGENT_LIMITS } from './limits.ts'
import { lostReceipts } from './lost-keys.ts'
import { ANSWERS, oneLine } from './read-answer.ts'
import type { DeviceDescription, ProviderProtector, ProviderVolume } from './volume-provider.ts'
import { AGENT_VERSION } from './version.ts'

const CHECK_IN_PATH = '/device/v1/check-in'

/** Why a rotation could not go on in this round, by action ID: a provider's or a service's code. */
export type Delays = ReadonlyMap<string, string>

export interface CheckInResult {
  readonly response: CheckInResponse
  /** Receipts for reported passwords of which the service has no key: nothing may rely on them. */
  readonly lost: readonly StoredReceipt[]
}

/** Report, and keep what the answer says. Results that were reported are marked so. */
export async function checkIn(agent: Agent, delays: Delays): Promise<CheckInResult> {
  const device = await agent.provider.describeDevice()
  const volumes = await agent.provider.listVolumes()
  const state = await agent.state.current()
  const actions = reportActions(state, delays)
  const request: CheckInRequest = {
    agentVersion: AGENT_VERSION,
    device: reportDevice(device),
    volumes: volumes
      .slice(0, LIMITS.volumesPerCheckInMax)
      .map((volume) => reportVolume(volume, state.provenProtectorIds)),
    actions,
  }
  const response = await agent.service.post(CHECK_IN_PATH, request, ANSWERS.checkIn)
  const reported = new Set(actions.map(({ id }) => id))
  await agent.state.update((current) => keepAnswer(agent, current, response, reported))
  return { response, lost: lostReceipts(state, request, response) }
}

function keepAnswer(
  agent: Agent,
  state: AgentState,
  response: CheckInResponse,
  reported: ReadonlySet<string>,
): AgentState {
  const at = timeNow(agent)
  const interval = Math.min(
    Math.max(response.checkInIntervalSeconds, AGENT_LIMITS.checkInSecondsMin),
    AGENT_LIMITS.checkInSecondsMax,
  )
  return {
    ...state,
    clockOffsetMs: agent.service.clockOffsetMs,
    checkInIntervalSeconds: interval,
    policy: { ...response.policy, receivedAt: at },
    provenProtectorIds: response.keys
      .filter(({ proof }) => proof !== 'attested')
      .map(({ protectorId }) => protectorId),
    disputes: withMismatches(state.disputes, response, at),
    results: state.results.map((result) =>
      reported.has(result.actionId) && result.reportedAt === undefined
        ? { ...result, reportedAt: at }
        : result,
    ),
  }
}

/** A key that failed its proof does not count as escrowed, for as long as the service says so. */
function withMismatches(
  disputes: readonly Dispute[],
  { keys }: CheckInResponse,
  at: string,
): Dispute[] {
  const mismatches = keys
    .filter(({ proof }) => proof === 'mismatch')
    .map(({ volumeId, protectorId }) => {
      const known = disputes.find(
        (other) => other.volumeId === volumeId && other.protectorId === protectorId,
      )
      return known ?? ({ volumeId, protectorId, reason: 'mismatch', at } as const)
    })
  const conflicts = disputes.filter(({ reason }) => reason === 'conflict')
  return [...conflicts, ...mismatches.filter(({ reason }) => reason === 'mismatch')]
}

function reportActions(state: AgentState, delays: Delays): ActionReport[] {
  const finished = state.results
    .filter(({ reportedAt }) => reportedAt === undefined)
    .map(({ actionId, state: outcome, detailCode }) => ({
      id: actionId,
      state: outcome,
      ...(detailCode === undefined ? {} : { detailCode }),
    }))
  const running = state.rotations.map(({ actionId }) => {
    const detailCode = delays.get(actionId)
    return {
      id: actionId,
      state: 'inProgress' as const,
      ...(detailCode === undefined ? {} : { detailCode }),
    }
  })
  return [...finished, ...running].slice(0, LIMITS.actionReportsPerCheckInMax)
}

export function reportDevice(device: DeviceDescription): DeviceDescription {
  const report: Record<string, string> = {}
  for (const [name, value] of Object.entries(device)) {
    const lengthMax = name === 'name' ? LIMITS.deviceNameLengthMax : LIMITS.deviceFactLengthMax
    const text = oneLine(value).trim().slice(0, lengthMax)
    if (text !== '') report[name] = text
  }
  return { ...report, name: report['name'] ?? 'unnamed' }
}

function reportVolume(volume: ProviderVolume, proven: readonly string[]): ReportedVolume {
  const { protectors, mountPoint, encryptionMethod } = volume
  const fits = protectors !== null && protectors.length <= LIMITS.protectorsPerVolumeMax
  return {
    volumeId: volume.id,
    volumeType: volume.type,
    ...(mountPoint === undefined ? {} : { mountPoint }),
    status: volume.status,
    protection: volume.protection,
    ...(encryptionMethod === undefined ? {} : { encryptionMethod }),
    protectors: fits ? protectors.map((protector) => reportProtector(protector, proven)) : null,
  }
}

/** With the metadata entry of a recovery password until the service has it: it proves the key. */
function reportProtector(
  { id, type, entry }: ProviderProtector,
  proven: readonly string[],
): ReportedProtector {
  const isWanted =
    entry !== undefined &&
    type === 'recoveryPassword' &&
    entry.length <= LIMITS.protectorEntryBytesMax &&
    !proven.includes(id)
  return { id, type, ...(isWanted ? { entry: encodeBase64Url(entry) } : {}) }
}
