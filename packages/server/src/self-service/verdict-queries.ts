/** SQL of whether an owner may be shown a key of his device. */

import { sql, type Kysely, type Transaction } from 'kysely'
import type { Database } from '../db/schema.ts'

export interface OwnershipQuestion {
  readonly userId: string
  readonly deviceId: string
  /** Row of the key; undefined: any key of the device. */
  readonly keyId?: number | undefined
}

/** Everything that the verdict is made of. */
export interface OwnershipFacts {
  /** The user exists, is active, and owns the device. */
  is_owner: boolean
  is_allowed_by_switch: boolean
  /** Of the groups of the user; null: none of them says anything. */
  group_effect: 'allow' | 'deny' | null
  has_key: boolean
  /** The volume of the key, or of any key, reported itself encrypted. */
  is_encrypted: boolean
  last_seen_at: Date | null
  requires_encryption: boolean
  seen_within_days: number | null
  key_id_must_be_typed: boolean
  hourly_limit: number | null
  daily_limit: number | null
  helpdesk_contact: string | null
}

/** In the order of the questions. */
export async function selectOwnershipFacts(
  db: Kysely<Database>,
  questions: readonly OwnershipQuestion[],
): Promise<OwnershipFacts[]> {
  const input = questions.map(({ userId, deviceId, keyId }, place) => ({
    place,
    user_id: userId,
    device_id: deviceId,
    key_id: keyId ?? null,
  }))
  const { rows } = await sql<OwnershipFacts>`
    select
      exists (select from device join directory_user person on person.id = device.owner_id
               where device.id = asked.device_id and person.id = asked.user_id
                 and person.is_active and person.deleted_at is null) as is_owner,
      policy.allowed_to_read_bitlocker_keys_for_owned_device as is_allowed_by_switch,
      -- 'deny' is the greater word.
      (select max(self.effect)
         from self_service_group self
         join directory_group grp on grp.id = self.group_id and grp.deleted_at is null
         join group_member member on member.group_id = self.group_id
        where member.user_id = asked.user_id) as group_effect,
      exists (select from recovery_key key
               where key.device_id = asked.device_id
                 and (asked.key_id is null or key.id = asked.key_id)) as has_key,
      exists (select from recovery_key key
                join volume on volume.device_id = key.device_id
                           and volume.volume_id = key.volume_id
               where key.device_id = asked.device_id
                 and (asked.key_id is null or key.id = asked.key_id)
                 and volume.status <> 'fullyDecrypted') as is_encrypted,
      (select presence.last_seen_at from device_presence presence
        where presence.device_id = asked.device_id) as last_seen_at,
      policy.requires_encryption, policy.seen_within_days, policy.key_id_must_be_typed,
      policy.hourly_limit, policy.daily_limit, policy.helpdesk_contact
      from jsonb_to_recordset(${JSON.stringify(input)}::jsonb)
           as asked (place integer, user_id uuid, device_id uuid, key_id bigint)
     cross join self_service_policy policy
     order by asked.place`.execute(db)
  return rows
}

/** Their owners do not change from here to the end of the transaction. */
export async function lockOwnership(
  trx: Transaction<Database>,
  deviceIds: readonly string[],
): Promise<void> {
  await sql`
    select id from device where id = any(${deviceIds}::uuid[]) order by id for share`.execute(trx)
}
