/**
 * A volume that should have an escrowed recovery password and has none gets a fresh one: a volume
 * that is about to be encrypted, one that was encrypted without any, and one of which the service
 * holds another password than the disk (PROTECTOR_CONFLICT) or of which the proof failed. Nothing
 * is removed here.
 */
import { isDisputed } from './agent-state.ts'
import { findVolume, recoveryPasswordIds, shortKeyId, volumeName } from './agent.ts'
import type { Agent } from './agent.ts'
import { AgentError } from './errors.ts'
import { escrowPassword } from './escrow-password.ts'
import { AGENT_LIMITS } from './limits.ts'
import type { ProviderVolume } from './volume-provider.ts'

/**
 * Have at least one escrowed recovery password among those of the volume that `accept` takes; add
 * one where there is none. Returns its protector ID. A password that is on the disk without a
 * receipt is escrowed rather than a further one added, so a lost answer of the disk leaves no twin.
 */
export async function ensurePassword(
  agent: Agent,
  volumeId: string,
  accept: (protectorId: string) => boolean = () => true,
): Promise<string> {
  // The bound is for a disk that loses what it has confirmed; disputes end the loop before.
  for (let added = 0; added <= AGENT_LIMITS.disputedProtectorsPerVolume; added++) {
    const volume = await readable(agent, volumeId)
    const candidates = recoveryPasswordIds(volume).filter(accept)
    for (const protectorId of candidates) {
      if ((await escrowPassword(agent, volume, protectorId)) === 'escrowed') return protectorId
    }
    await checkDisputes(agent, volume)
    const { protectorId } = await agent.provider.addRecoveryPassword(volumeId)
    agent.say(`${volumeName(volume)}  recovery password ${shortKeyId(protectorId)} added`)
  }
  throw new AgentError('PROVIDER_FAILED', `${volumeId} does not keep the passwords it is given.`)
}

async function readable(agent: Agent, volumeId: string): Promise<ProviderVolume> {
  const volume = await findVolume(agent, volumeId)
  if (volume === undefined || volume.protectors === null || volume.lock === 'locked') {
    const name = volume === undefined ? volumeId : volumeName(volume)
    throw new AgentError('VOLUME_UNKNOWN', `${name} cannot be read now; it is left as it is.`)
  }
  return volume
}

/** A service that refuses every password must not fill the metadata of the disk. */
async function checkDisputes(agent: Agent, volume: ProviderVolume): Promise<void> {
  const state = await agent.state.current()
  const disputed = recoveryPasswordIds(volume).filter((protectorId) =>
    isDisputed(state, { volumeId: volume.id, protectorId }),
  )
  if (disputed.length >= AGENT_LIMITS.disputedProtectorsPerVolume) {
    throw new AgentError(
      'SERVER_REFUSED',
      `The service refuses the recovery passwords of ${volumeName(volume)}: it holds other ones ` +
        `for ${disputed.length} of them. Ask its administrator; nothing more is added.`,
      { serverCode: 'PROTECTOR_CONFLICT' },
    )
  }
}
