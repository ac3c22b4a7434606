/** Devices as administrators see them: the list, and all that is known of one. */

import {
  LIMITS,
  type DeviceDetail,
  type DevicePage,
  type DeviceQuery,
  type DeviceSummary,
  type DeviceVolume,
  type StoredKey,
} from '@keydesk/contract'
import type { PrincipalActor } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { decodeNameCursor, pageLimit, pageOf } from '../http/page-cursor.ts'
import { selectExposures } from '../recovery/exposure-queries.ts'
import { toRecoveryKey } from '../recovery/find-recovery-keys.ts'
import { selectRecoveryKeys, type RecoveryKeyRow } from '../recovery/key-queries.ts'
import { toExposure } from '../recovery/list-exposures.ts'
import { toRotation } from '../rotation/list-rotations.ts'
import { selectRotations } from '../rotation/queries.ts'
import { deviceFactsOf } from './device-facts.ts'
import {
  selectDevice,
  selectDevices,
  selectVolumes,
  type DeviceRow,
  type DeviceVolumeRow,
} from './queries.ts'

const OWNERS = 'microsoft.directory/devices/registeredOwners/read'
const KEY_METADATA = 'microsoft.directory/bitlockerKeys/metadata/read'

export async function listDevices(
  deps: Deps,
  principal: PrincipalActor,
  query: DeviceQuery,
): Promise<DevicePage> {
  const limit = pageLimit(query.limit)
  const rows = await selectDevices(deps.db, {
    reach: principal.grants.reach('microsoft.directory/devices/standard/read'),
    ownerReach: principal.grants.reach(OWNERS),
    search: query.search,
    after: decodeNameCursor(query.after),
    limit: limit + 1,
  })
  return pageOf(rows, limit, { item: toDevice, key: (row) => [row.sort_name, row.id] })
}

/**
 * The newest `pageSizeMax` of its keys, exposures and rotations, as far as the principal may see
 * them. Throws AppError NOT_FOUND.
 */
export async function showDevice(
  deps: Deps,
  { grants }: PrincipalActor,
  deviceId: string,
): Promise<DeviceDetail> {
  const limit = LIMITS.pageSizeMax
  const [device, volumes, keys, open, rotations] = await Promise.all([
    selectDevice(deps.db, deviceId, grants.reach(OWNERS)),
    selectVolumes(deps.db, deviceId),
    selectRecoveryKeys(deps.db, { deviceId, limit, reach: grants.reach(KEY_METADATA) }),
    selectExposures(deps.db, { deviceId, limit, reach: grants.reach('keydesk/exposures/read') }),
    selectRotations(deps.db, { deviceId, limit, reach: grants.reach('keydesk/rotations/read') }),
  ])
  if (device === undefined) throw new AppError('NOT_FOUND', 'There is no device with this ID.')
  return {
    ...toDevice(device),
    volumes: volumes.map(toVolume),
    keys: keys.map(toStoredKey),
    exposures: open.map(toExposure),
    rotations: rotations.map(toRotation),
  }
}

function toDevice(row: DeviceRow): DeviceSummary {
  return {
    id: row.id,
    facts: deviceFactsOf(row),
    ...(row.group_name === null ? {} : { groupName: row.group_name }),
    ...(row.agent_version === null ? {} : { agentVersion: row.agent_version }),
    enrolledAt: row.enrolled_at.toISOString(),
    ...(row.owner === null
      ? {}
      : {
          owner: {
            id: row.owner.id,
            userPrincipalName: row.owner.user_principal_name,
            displayName: row.owner.display_name,
          },
        }),
    ...(row.last_seen_at === null ? {} : { lastSeenAt: row.last_seen_at.toISOString() }),
  }
}

function toVolume(row: DeviceVolumeRow): DeviceVolume {
  return {
    id: row.volume_id,
    // The check-in's schema let in only what the contract names.
    type: row.volume_type as DeviceVolume['type'],
    ...(row.mount_point === null ? {} : { mountPoint: row.mount_point }),
    status: row.status as DeviceVolume['status'],
    protection: row.protection as DeviceVolume['protection'],
    ...(row.encryption_method === null ? {} : { encryptionMethod: row.encryption_method }),
    reportedAt: row.reported_at.toISOString(),
    ...(row.protectors_read_at === null
      ? {}
      : { protectorsReadAt: row.protectors_read_at.toISOString() }),
    protectors: row.protectors as DeviceVolume['protectors'],
  }
}

function toStoredKey(row: RecoveryKeyRow): StoredKey {
  return { ...toRecoveryKey(row), isOnDisk: row.is_on_disk }
}
