/**
 * Forget what no later step can need: receipts and disputes of protectors that are gone from a disk
 * that could be read, beyond the newest few. Receipts of what is on a disk are never forgotten.
 */
import type { AgentState } from './agent-state.ts'
import { AGENT_LIMITS } from './limits.ts'
import type { ProviderVolume } from './volume-provider.ts'

interface Entry {
  readonly volumeId: string
  readonly protectorId: string
}

/** Without volumes (they could not be read) nothing is forgotten. */
export function pruneState(
  state: AgentState,
  volumes: readonly ProviderVolume[] | undefined,
): AgentState {
  if (volumes === undefined) return state
  return {
    ...state,
    receipts: prune(state.receipts, volumes),
    disputes: prune(state.disputes, volumes),
  }
}

function prune<T extends Entry>(entries: readonly T[], volumes: readonly ProviderVolume[]): T[] {
  const gone = entries.filter((entry) => isGone(entry, volumes))
  const forgotten = new Set(gone.slice(0, Math.max(0, gone.length - AGENT_LIMITS.pastReceipts)))
  return entries.filter((entry) => !forgotten.has(entry))
}

/** A volume that is not there (a removable one) proves nothing about its protectors. */
function isGone({ volumeId, protectorId }: Entry, volumes: readonly ProviderVolume[]): boolean {
  const protectors = volumes.find(({ id }) => id === volumeId)?.protectors
  return protectors?.every(({ id }) => id !== protectorId) ?? false
}
