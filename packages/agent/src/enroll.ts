/**
 * Enrolment: the PC trades a token, or the sign-in of its owner, for an identity of its own, and
 * pins the service's keys.
 *
 * The device key is made and on disk before the first request, so an answer that was lost is asked
 * for again with the same key: the service then gives the same deviceId and uses the token once.
 */
import { jwkThumbprint } from '@keydesk/contract/jwk-thumbprint'
import type { EnrollRequest, EnrollResponse } from '@keydesk/contract'
import type { AgentState, Enrollment } from './agent-state.ts'
import { newState } from './agent-state.ts'
import { reportDevice } from './check-in.ts'
import { deviceKeyPair, generateDeviceKey, publicKeyOf } from './device-key.ts'
import { AgentError } from './errors.ts'
import { AGENT_LIMITS } from './limits.ts'
import { ANSWERS } from './read-answer.ts'
import { ServiceClient } from './service-client.ts'
import type { ClientDeps } from './service-client.ts'
import { StateFile } from './state-file.ts'
import type { StateStorage } from './state-file.ts'
import type { VolumeProvider } from './volume-provider.ts'

const ENROLL_PATH = '/device/v1/enroll'

/** What allows the enrolment: an enrolment token, or the access token of the new owner. */
export type EnrollmentProof =
  | { readonly enrollmentToken: string }
  | { readonly ownerAccessToken: string }

interface Enrolment {
  readonly deps: ClientDeps
  readonly storage: StateStorage
  readonly provider: VolumeProvider
  /** Where the provider finds its PC; kept for later commands. */
  readonly directory: string
  /** Origin. */
  readonly server: string
  /** Asked for only if the PC has to enrol: a sign-in takes a person's time. */
  readonly proof: () => Promise<EnrollmentProof>
  readonly signal?: AbortSignal
}

/**
 * Idempotent: an enrolled PC is answered from its state file. Throws STATE_OTHER_SERVER when the
 * file belongs to another service.
 */
export async function enroll(enrolment: Enrolment): Promise<Enrollment> {
  const { deps, storage, provider, directory, server, proof, signal } = enrolment
  const device = reportDevice(await provider.describeDevice())
  const file =
    (await StateFile.openIfThere(storage)) ??
    (await StateFile.create(
      storage,
      newState({
        server,
        provider: { type: provider.type, directory },
        deviceKey: generateDeviceKey(),
      }),
    ))
  const state = await file.current()
  checkSameServer(state, server, storage.path)
  if (state.enrollment !== undefined) return state.enrollment
  const service = new ServiceClient(
    deps,
    {
      server,
      origin: server,
      key: deviceKeyPair(state.deviceKey),
      clockOffsetMs: state.clockOffsetMs,
    },
    signal,
  )
  const request: EnrollRequest = { ...(await proof()), device }
  const answer = await service.post(ENROLL_PATH, request, ANSWERS.enroll)
  checkPinnedKeys(answer)
  const { deviceId, origin, vaultKey, receiptKey } = answer
  const enrolledAt = new Date(deps.clock.now() + service.clockOffsetMs).toISOString()
  const enrollment = { deviceId, origin, vaultKey, receiptKey, enrolledAt }
  await file.update((current) => ({
    ...current,
    enrollment,
    clockOffsetMs: service.clockOffsetMs,
    checkInIntervalSeconds: Math.max(answer.checkInIntervalSeconds, AGENT_LIMITS.checkInSecondsMin),
  }))
  return enrollment
}

function checkSameServer(state: AgentState, server: string, path: string): void {
  if (state.server === server) return
  throw new AgentError(
    'STATE_OTHER_SERVER',
    `The state file ${path} belongs to ${state.server}. To enrol with ${server} as well, give ` +
      'another file with --state; to move this PC, first move that file away.',
  )
}

/** A key under a wrong name would be refused at every later step; better to say so now. */
function checkPinnedKeys({ vaultKey, receiptKey }: EnrollResponse): void {
  for (const { id, publicKey } of [vaultKey, receiptKey]) {
    let thumbprint: string | undefined
    try {
      thumbprint = jwkThumbprint(publicKeyOf(publicKey))
    } catch {
      // Not a point of the curve: as wrong as a wrong name.
    }
    if (thumbprint !== id) {
      throw new AgentError('SERVER_ANSWER', 'The service sent a key that is not what it is named.')
    }
  }
}
