/**
 * SHA-256 of what a check-in says about the device and its disks. A device that reports the same
 * again costs no write. Entries for proof and states of actions are not part of it: they are judged
 * each time.
 */

import { createHash } from 'node:crypto'
import type { CheckInRequest } from '@keydesk/contract'
import { deviceFactColumns } from './device-facts.ts'

export function reportDigest(report: CheckInRequest): Buffer {
  const canonical = {
    agentVersion: report.agentVersion,
    device: deviceFactColumns(report.device),
    volumes: report.volumes.map((volume) => [
      volume.volumeId,
      volume.volumeType,
      volume.mountPoint ?? null,
      volume.status,
      volume.protection,
      volume.encryptionMethod ?? null,
      volume.protectors?.map(({ id, type }) => [id, type]) ?? null,
    ]),
  }
  return createHash('sha256').update(JSON.stringify(canonical)).digest()
}
