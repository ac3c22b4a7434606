/**
 * Two devices for the walk, each with everything that some list names a device by: a key, an
 * exposure, a rotation, a request for approval and an owner, who is the same for both.
 */

import type { Kysely } from 'kysely'
import type { Database } from '../db/schema.ts'
import { HELPDESK } from './test-approval-scene.ts'
import { TestPerson } from './test-person.ts'
import { insertTestUser } from './test-people.ts'
import type { TestService } from './test-service.ts'

export interface WalkPlaces {
  readonly device: string
  readonly otherDevice: string
  /** Recovery key ID of each device, by the ID of the device. */
  readonly keys: ReadonlyMap<string, string>
  readonly ownerId: string
}

export async function createWalkPlaces(service: TestService): Promise<WalkPlaces> {
  const { db } = service.deps
  const ownerId = await insertTestUser(db)
  const asker = await TestPerson.create(service, HELPDESK)
  const reason = { code: 'recoveryScreen' } as const
  const keys = new Map<string, string>()
  for (const device of [await service.device(), await service.device()]) {
    const { deviceId } = device
    const { protectorId: recoveryKeyId } = await device.escrowNew()
    keys.set(deviceId, recoveryKeyId)
    await service.show(recoveryKeyId)
    const path = `/api/v1/devices/${deviceId}`
    must(await service.admin('POST', `${path}/rotations`, {}))
    must(await asker.call('POST', '/api/v1/approval-requests', { recoveryKeyId, reason }))
    await db.updateTable('device').set({ owner_id: ownerId }).where('id', '=', deviceId).execute()
  }
  const [device = '', otherDevice = ''] = keys.keys()
  const places = { device, otherDevice, keys, ownerId }
  await giveOwner(db, places)
  return places
}

/** To both devices, without a rotation. */
export async function giveOwner(db: Kysely<Database>, places: WalkPlaces): Promise<void> {
  await db
    .updateTable('device')
    .set({ owner_id: places.ownerId })
    .where('id', 'in', [places.device, places.otherDevice])
    .execute()
}

function must(response: { readonly statusCode: number; readonly body: string }): void {
  if (response.statusCode >= 300) throw new Error(`the walk has no places: ${response.body}`)
}
