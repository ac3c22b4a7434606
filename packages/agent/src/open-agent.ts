/** An agent from its state file: what every command but `enroll` begins with. */
import type { Agent } from './agent.ts'
import type { AgentState, Enrollment } from './agent-state.ts'
import { deviceKeyPair } from './device-key.ts'
import { AgentError } from './errors.ts'
import { ServiceClient } from './service-client.ts'
import type { ClientDeps } from './service-client.ts'
import { StateFile } from './state-file.ts'
import type { StateStorage } from './state-file.ts'
import type { VolumeProvider } from './volume-provider.ts'

interface OpenOptions {
  readonly deps: ClientDeps
  readonly storage: StateStorage
  /** Makes the provider that the state names. */
  readonly provider: (state: AgentState) => VolumeProvider
  readonly say: (line: string) => void
  readonly signal?: AbortSignal
}

/** Throws STATE_MISSING, STATE_CORRUPT, STATE_VERSION or NOT_ENROLLED. */
export async function openAgent(options: OpenOptions): Promise<Agent> {
  const { deps, storage, say, signal } = options
  const state = await StateFile.open(storage)
  const current = await state.current()
  const enrollment = requireEnrollment(current)
  const service = new ServiceClient(
    deps,
    {
      server: current.server,
      origin: enrollment.origin,
      key: deviceKeyPair(current.deviceKey),
      deviceId: enrollment.deviceId,
      clockOffsetMs: current.clockOffsetMs,
    },
    signal,
  )
  return { provider: options.provider(current), state, service, enrollment, clock: deps.clock, say }
}

function requireEnrollment({ enrollment, server }: AgentState): Enrollment {
  if (enrollment !== undefined) return enrollment
  throw new AgentError(
    'NOT_ENROLLED',
    `The enrolment with ${server} was begun and not finished. Run "keydesk-agent enroll" again.`,
  )
}
