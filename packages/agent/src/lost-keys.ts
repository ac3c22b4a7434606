/**
 * Keys that the service has lost: it was restored from an older backup, say. A receipt proves that
 * the service had the key, not that it still has it; its answer to a check-in lists what it has.
 * Such a receipt must not carry an encryption or a removal any more (promises P1 and P2).
 */
import type { CheckInRequest, CheckInResponse } from '@keydesk/contract'
import { withoutReceipts } from './agent-state.ts'
import type { AgentState, StoredReceipt } from './agent-state.ts'
import { shortKeyId } from './agent.ts'
import type { Agent } from './agent.ts'

/**
 * The receipts of recovery passwords that `request` itself reported and that are missing from its
 * answer. `state` is the one of the time when the request was made: what was escrowed later cannot
 * be in the answer. A volume whose list was not sent proves nothing.
 */
export function lostReceipts(
  state: AgentState,
  request: CheckInRequest,
  response: CheckInResponse,
): StoredReceipt[] {
  const reported = new Set(
    request.volumes.flatMap(({ volumeId, protectors }) =>
      (protectors ?? [])
        .filter(({ type }) => type === 'recoveryPassword')
        .map(({ id }) => nameOf({ volumeId, protectorId: id })),
    ),
  )
  const held = new Set(response.keys.map(nameOf))
  return state.receipts.filter((receipt) => {
    const name = nameOf(receipt)
    return reported.has(name) && !held.has(name)
  })
}

/** Forget these receipts, durably: from here on their passwords count as not escrowed. */
export async function dropReceipts(agent: Agent, lost: readonly StoredReceipt[]): Promise<void> {
  await agent.state.update((state) => withoutReceipts(state, lost))
  for (const { protectorId } of lost) {
    agent.say(
      `The service no longer has the key of recovery password ${shortKeyId(protectorId)}: ` +
        'its receipt is void, and it is escrowed again.',
    )
  }
}

function nameOf({ volumeId, protectorId }: Pick<StoredReceipt, 'volumeId' | 'protectorId'>) {
  return `${volumeId} ${protectorId}`
}
