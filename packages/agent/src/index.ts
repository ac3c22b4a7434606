/**
 * @keydesk/agent as a library, for programs that drive an agent inside their own process (the tests
 * of the whole system, the demonstration). A PC runs `keydesk-agent` instead.
 */
export type { Agent } from './agent.ts'
export type { AgentState } from './agent-state.ts'
export { systemClock } from './clock.ts'
export type { Clock } from './clock.ts'
export { enroll } from './enroll.ts'
export { AgentError } from './errors.ts'
export { imageProvider } from './image/image-provider.ts'
export { openAgent } from './open-agent.ts'
export { runRound } from './run-round.ts'
export type { RoundReport } from './run-round.ts'
export type { ClientDeps } from './service-client.ts'
export { stateStorage } from './state-file.ts'
export type { StateStorage } from './state-file.ts'
export { ProviderError } from './volume-provider.ts'
export type { ProviderVolume, VolumeProvider } from './volume-provider.ts'
