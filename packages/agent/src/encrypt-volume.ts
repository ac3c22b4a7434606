/**
 * Escrow first (promise P1): a recovery password is prepared, escrowed, and its verified receipt is
 * on disk before the encryption starts. If anything on that way fails, nothing is encrypted.
 */
import { isDisputed } from './agent-state.ts'
import { findVolume, recoveryPasswordIds, volumeName } from './agent.ts'
import type { Agent } from './agent.ts'
import { ensurePassword } from './ensure-password.ts'
import { AgentError } from './errors.ts'
import { escrowPassword, isEscrowed } from './escrow-password.ts'
import type { NewEncryptionMethod, ProviderVolume } from './volume-provider.ts'

/**
 * Idempotent: a volume that is encrypted (or on the way) is left alone. True when it was started.
 */
export async function encryptVolume(
  agent: Agent,
  volumeId: string,
  encryptionMethod: NewEncryptionMethod,
): Promise<boolean> {
  await ensurePassword(agent, volumeId)
  const volume = await dropDisputed(agent, volumeId)
  if (volume === undefined || volume.status !== 'fullyDecrypted') return false
  // Every password that will open the volume is escrowed, not only one of them: the recovery screen
  // shows the ID of one, and nobody can choose which.
  for (const protectorId of recoveryPasswordIds(volume)) {
    await escrowPassword(agent, volume, protectorId)
  }
  await requireReceipts(agent, volumeId)
  await agent.provider.encrypt(volumeId, { encryptionMethod })
  agent.say(`${volumeName(volume)}  encryption started (${encryptionMethod})`)
  return true
}

/** A volume that is not encrypted loses nothing with a password that nobody can look up. */
async function dropDisputed(agent: Agent, volumeId: string): Promise<ProviderVolume | undefined> {
  const volume = await findVolume(agent, volumeId)
  if (volume?.status !== 'fullyDecrypted') return volume
  const state = await agent.state.current()
  const disputed = recoveryPasswordIds(volume).filter((protectorId) =>
    isDisputed(state, { volumeId, protectorId }),
  )
  if (disputed.length === 0) return volume
  for (const protectorId of disputed) {
    await agent.provider.removeRecoveryPassword({ volumeId, protectorId })
  }
  return await findVolume(agent, volumeId)
}

/** The last look before the encryption: what is on the volume now against what is on disk now. */
async function requireReceipts(agent: Agent, volumeId: string): Promise<void> {
  const volume = await findVolume(agent, volumeId)
  const ids = volume === undefined ? [] : recoveryPasswordIds(volume)
  let isComplete = ids.length > 0
  for (const protectorId of ids) {
    isComplete &&= await isEscrowed(agent, { volumeId, protectorId })
  }
  if (!isComplete) {
    throw new AgentError(
      'ENCRYPTION_REFUSED',
      `${volume === undefined ? volumeId : volumeName(volume)} is not encrypted: ` +
        'not every recovery password on it has a receipt.',
    )
  }
}
