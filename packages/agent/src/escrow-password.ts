/**
 * The heart of the promises P1 and P2: a recovery password counts as escrowed only with a receipt
 * that is on disk and that holds for exactly the key that is on the volume now. Everything that
 * encrypts or removes asks `isEscrowed`; a receipt that does not verify is no receipt.
 */
import { encodeBase64Url } from '@keydesk/contract/base64url'
import { ReceiptError, verifyReceipt } from '@keydesk/contract/receipt'
import { sealRecoveryKey } from '@keydesk/contract/sealed-key'
import type { EscrowRequest } from '@keydesk/contract'
import { isDisputed, withDispute, withReceipt } from './agent-state.ts'
import type { AgentState } from './agent-state.ts'
import { shortKeyId, timeNow, volumeName } from './agent.ts'
import type { Agent } from './agent.ts'
import { publicKeyOf } from './device-key.ts'
import { AgentError } from './errors.ts'
import { ANSWERS } from './read-answer.ts'
import type { ProtectorName, ProviderVolume } from './volume-provider.ts'

const ESCROW_PATH = '/device/v1/escrow'

/** `disputed`: the service will not stand for this password; it needs a successor. */
export type EscrowOutcome = 'escrowed' | 'disputed'

/**
 * Have a verified receipt on disk for one recovery password. Idempotent: with a good receipt it
 * asks nobody. Throws what the provider, the service and the state file throw, and AgentError
 * RECEIPT_INVALID when the service's receipt does not hold.
 */
export async function escrowPassword(
  agent: Agent,
  volume: ProviderVolume,
  protectorId: string,
): Promise<EscrowOutcome> {
  const name = { volumeId: volume.id, protectorId }
  const state = await agent.state.current()
  if (isDisputed(state, name)) return 'disputed'
  const recoveryKey = await agent.provider.readRecoveryKey(name)
  try {
    if (await hasReceiptFor(agent, state, name, recoveryKey)) return 'escrowed'
    const receipt = await requestReceipt(agent, volume, name, recoveryKey)
    if (receipt === undefined) return await dispute(agent, volume, name)
    await verify(agent, receipt, name, recoveryKey)
    const stored = { ...name, receipt, storedAt: timeNow(agent) }
    await agent.state.update((current) => withReceipt(current, stored))
    agent.say(
      `${volumeName(volume)}  recovery password ${shortKeyId(protectorId)} escrowed, ` +
        'receipt stored',
    )
    return 'escrowed'
  } finally {
    recoveryKey.fill(0)
  }
}

/**
 * True when the password that is on the volume now has a receipt that holds. Reads the volume and
 * the state; asks nobody, changes nothing.
 */
export async function isEscrowed(agent: Agent, name: ProtectorName): Promise<boolean> {
  const state = await agent.state.current()
  if (isDisputed(state, name)) return false
  if (findReceipt(state, name) === undefined) return false
  const recoveryKey = await agent.provider.readRecoveryKey(name)
  try {
    return await hasReceiptFor(agent, state, name, recoveryKey)
  } finally {
    recoveryKey.fill(0)
  }
}

function findReceipt(state: AgentState, name: ProtectorName): string | undefined {
  return state.receipts.find(
    ({ volumeId, protectorId }) => volumeId === name.volumeId && protectorId === name.protectorId,
  )?.receipt
}

async function hasReceiptFor(
  agent: Agent,
  state: AgentState,
  name: ProtectorName,
  recoveryKey: Uint8Array,
): Promise<boolean> {
  const receipt = findReceipt(state, name)
  if (receipt === undefined) return false
  try {
    await verify(agent, receipt, name, recoveryKey)
    return true
  } catch (error) {
    if (error instanceof AgentError && error.code === 'RECEIPT_INVALID') return false
    throw error
  }
}

async function verify(
  agent: Agent,
  receipt: string,
  name: ProtectorName,
  recoveryKey: Uint8Array,
): Promise<void> {
  const { deviceId, origin, receiptKey } = agent.enrollment
  try {
    await verifyReceipt({
      receipt,
      publicKey: publicKeyOf(receiptKey.publicKey),
      origin,
      binding: { deviceId, ...name },
      recoveryKey,
    })
  } catch (error) {
    if (!(error instanceof ReceiptError)) throw error
    throw new AgentError(
      'RECEIPT_INVALID',
      `The receipt for recovery password ${shortKeyId(name.protectorId)} does not hold ` +
        `(${error.message}); it counts as not escrowed.`,
      { cause: error },
    )
  }
}

/** `undefined` when the service holds another password for this protector. */
async function requestReceipt(
  agent: Agent,
  volume: ProviderVolume,
  name: ProtectorName,
  recoveryKey: Uint8Array,
): Promise<string | undefined> {
  const { deviceId, vaultKey } = agent.enrollment
  const sealedKey = sealRecoveryKey({
    recoveryKey,
    vaultPublicKey: publicKeyOf(vaultKey.publicKey),
    binding: { deviceId, ...name },
  })
  const entry = volume.protectors?.find(({ id }) => id === name.protectorId)?.entry
  const request: EscrowRequest = {
    ...name,
    volumeType: volume.type,
    ...(volume.mountPoint === undefined ? {} : { mountPoint: volume.mountPoint }),
    sealedKey: encodeBase64Url(sealedKey),
    ...(entry === undefined ? {} : { protectorEntry: encodeBase64Url(entry) }),
  }
  try {
    return (await agent.service.post(ESCROW_PATH, request, ANSWERS.escrow)).receipt
  } catch (error) {
    if (error instanceof AgentError && error.serverCode === 'PROTECTOR_CONFLICT') return undefined
    throw error
  }
}

async function dispute(
  agent: Agent,
  volume: ProviderVolume,
  name: ProtectorName,
): Promise<'disputed'> {
  const entry = { ...name, reason: 'conflict', at: timeNow(agent) } as const
  await agent.state.update((current) => withDispute(current, entry))
  agent.say(
    `${volumeName(volume)}  the service holds another password for ` +
      `${shortKeyId(name.protectorId)}: it needs a successor`,
  )
  return 'disputed'
}
