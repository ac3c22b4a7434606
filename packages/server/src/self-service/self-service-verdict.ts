/**
 * Whether the owner of a device may be shown its recovery keys himself, and if not, which condition
 * stands against it, in words for the person who is locked out. Roles play no part: ownership never
 * widens a role, and no role widens ownership.
 *
 * Precedence: a group of the user that denies, then one that allows, then the tenant's switch; the
 * conditions hold in any case.
 */

import type { SelfServiceCondition } from '@keydesk/contract'
import type { Kysely } from 'kysely'
import type { Database } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import {
  selectOwnershipFacts,
  type OwnershipFacts,
  type OwnershipQuestion,
} from './verdict-queries.ts'

export type SelfServiceVerdict =
  | { readonly isAllowed: true }
  | {
      readonly isAllowed: false
      readonly condition: 'notOwner' | SelfServiceCondition
      /** In plain words, with how to reach the helpdesk. */
      readonly detail: string
    }

const DAY_MS = 86_400_000

/** For the route, and for whoever asks who could read the key of a device. */
export async function selfServiceVerdict(
  db: Kysely<Database>,
  question: OwnershipQuestion,
  now: Date,
): Promise<SelfServiceVerdict> {
  const [facts] = await selectOwnershipFacts(db, [question])
  if (facts === undefined) throw new Error('a question about self-service was not answered')
  return judgeOwnership(facts, now)
}

export function judgeOwnership(facts: OwnershipFacts, now: Date): SelfServiceVerdict {
  const { seen_within_days: days, last_seen_at: seenAt } = facts
  if (!facts.is_owner) {
    return { isAllowed: false, condition: 'notOwner', detail: 'You have no device with this ID.' }
  }
  const isAllowed =
    facts.group_effect === null ? facts.is_allowed_by_switch : facts.group_effect === 'allow'
  if (!isAllowed) {
    return refusal(facts, 'restricted', 'You may not look up recovery keys yourself.')
  }
  if (!facts.has_key) {
    return refusal(facts, 'noKeyStored', 'No recovery key of this device is stored here.')
  }
  if (facts.requires_encryption && !facts.is_encrypted) {
    const sentence = 'The drive has not reported that it is encrypted, so no key of it is shown.'
    return refusal(facts, 'notEncrypted', sentence)
  }
  if (days !== null && (seenAt === null || now.getTime() - seenAt.getTime() > days * DAY_MS)) {
    const span = days === 1 ? 'day' : `${days} days`
    return refusal(facts, 'notSeen', `This device has not been in touch for the last ${span}.`)
  }
  return { isAllowed: true }
}

export function refusal(
  { helpdesk_contact: contact }: OwnershipFacts,
  condition: SelfServiceCondition,
  sentence: string,
): SelfServiceVerdict & { readonly isAllowed: false } {
  const help = contact === null ? 'Ask your helpdesk.' : `Ask the helpdesk: ${contact}`
  return { isAllowed: false, condition, detail: `${sentence} ${help}` }
}

/** Somebody else's device is not told apart from one that does not exist. */
export function refusalError(verdict: SelfServiceVerdict & { readonly isAllowed: false }) {
  return verdict.condition === 'notOwner'
    ? new AppError('NOT_FOUND', verdict.detail)
    : new AppError('SELF_SERVICE_REFUSED', verdict.detail, { condition: verdict.condition })
}
