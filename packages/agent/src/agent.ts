/**
 * What every rule of the agent works with: the disks, the state file, the service, the time, and a
 * place for lines that a person may read. Rules take it as their first argument and keep nothing.
 */
import type { Enrollment } from './agent-state.ts'
import type { Clock } from './clock.ts'
import type { ServiceClient } from './service-client.ts'
import type { StateFile } from './state-file.ts'
import type { ProviderVolume, VolumeProvider } from './volume-provider.ts'

export interface Agent {
  readonly provider: VolumeProvider
  readonly state: StateFile
  readonly service: ServiceClient
  /** The pinned keys and names; they never change after enrolment. */
  readonly enrollment: Enrollment
  readonly clock: Clock
  /** One line for a person; never contains a secret. */
  readonly say: (line: string) => void
}

/** Now by the service's clock, as far as it is known; RFC 3339. */
export function timeNow(agent: Agent): string {
  return new Date(agent.clock.now() + agent.service.clockOffsetMs).toISOString()
}

/** How a person calls the volume. */
export function volumeName(volume: Pick<ProviderVolume, 'id' | 'mountPoint'>): string {
  return volume.mountPoint ?? volume.id
}

/** The first 8 characters of a recovery key ID, as the recovery screen shows them, upper case. */
export function shortKeyId(protectorId: string): string {
  return protectorId.slice(0, 8).toUpperCase()
}

/** The volume as it is now, or `undefined` when it is not there. */
export async function findVolume(
  agent: Agent,
  volumeId: string,
): Promise<ProviderVolume | undefined> {
  const volumes = await agent.provider.listVolumes()
  return volumes.find(({ id }) => id === volumeId)
}

/** The recovery passwords of a volume; none when its list could not be read. */
export function recoveryPasswordIds(volume: ProviderVolume): string[] {
  const protectors = volume.protectors ?? []
  return protectors.filter(({ type }) => type === 'recoveryPassword').map(({ id }) => id)
}
