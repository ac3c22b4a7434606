/** Administrative units and device groups as the API shows them, and what a rule would select. */

import {
  LIMITS,
  type DeviceSet,
  type DeviceSetMemberPage,
  type DeviceSetPage,
  type DeviceSetQuery,
  type MemberQuery,
  type MembershipRulePreview,
} from '@keydesk/contract'
import type { Kysely } from 'kysely'
import type { PrincipalActor } from '../access/actor.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { decodeNameCursor, pageLimit, pageOf } from '../http/page-cursor.ts'
import {
  selectDeviceSet,
  selectDeviceSets,
  selectMembers,
  type CountedDeviceSetRow,
  type DeviceSetKind,
} from './device-set-queries.ts'
import { matchesMembershipRule } from './matches-membership-rule.ts'
import { parseMembershipRule } from './parse-membership-rule.ts'
import { printMembershipRule } from './print-membership-rule.ts'
import { selectFactsInBatches } from './rule-queries.ts'

const SEE_DEVICES = 'microsoft.directory/devices/standard/read'

export async function listDeviceSets(
  deps: Deps,
  { grants }: PrincipalActor,
  kind: DeviceSetKind,
  query: DeviceSetQuery,
): Promise<DeviceSetPage> {
  const limit = pageLimit(query.limit)
  const rows = await selectDeviceSets(deps.db, {
    kind,
    reach: grants.reach(SEE_DEVICES),
    search: query.search,
    after: decodeNameCursor(query.after),
    limit: limit + 1,
  })
  return pageOf(rows, limit, { item: toDeviceSet, key: (row) => [row.sort_name, row.id] })
}

/** Throws AppError NOT_FOUND. */
export async function showDeviceSet(
  db: Kysely<Database>,
  { grants }: PrincipalActor,
  kind: DeviceSetKind,
  id: string,
): Promise<DeviceSet> {
  const row = await selectDeviceSet(db, { kind, id, reach: grants.reach(SEE_DEVICES) })
  if (row === undefined) throw unknownDeviceSet(kind)
  return toDeviceSet(row)
}

/** Those that the principal may see. Throws AppError NOT_FOUND. */
export async function listDeviceSetMembers(
  deps: Deps,
  principal: PrincipalActor,
  set: { readonly kind: DeviceSetKind; readonly id: string },
  query: MemberQuery,
): Promise<DeviceSetMemberPage> {
  await showDeviceSet(deps.db, principal, set.kind, set.id)
  const limit = pageLimit(query.limit)
  const rows = await selectMembers(deps.db, {
    deviceSetId: set.id,
    reach: principal.grants.reach(SEE_DEVICES),
    after: decodeNameCursor(query.after),
    limit: limit + 1,
  })
  return pageOf(rows, limit, {
    item: ({ id, name, added_at }) => ({ id, name, addedAt: added_at.toISOString() }),
    key: (row) => [row.sort_name, row.id],
  })
}

/**
 * What a rule selects now, of the devices that the principal may see. Throws AppError
 * MEMBERSHIP_RULE_INVALID.
 */
export async function previewMembershipRule(
  deps: Deps,
  { grants }: PrincipalActor,
  membershipRule: string,
): Promise<MembershipRulePreview> {
  const rule = parseMembershipRule(membershipRule)
  const selected: { id: string; name: string }[] = []
  for await (const batch of selectFactsInBatches(deps.db, grants.reach(SEE_DEVICES))) {
    for (const facts of batch) {
      if (matchesMembershipRule(rule, facts)) selected.push({ id: facts.id, name: facts.name })
    }
  }
  const byName = selected.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return {
    membershipRule: printMembershipRule(rule),
    deviceCount: selected.length,
    devices: byName.slice(0, LIMITS.rulePreviewNamesMax),
  }
}

export function unknownDeviceSet(kind: DeviceSetKind): AppError {
  return new AppError('NOT_FOUND', `There is no ${DEVICE_SET_WORDS[kind]} with this ID.`)
}

export const DEVICE_SET_WORDS = {
  administrativeUnit: 'administrative unit',
  deviceGroup: 'device group',
} as const satisfies Record<DeviceSetKind, string>

function toDeviceSet(row: CountedDeviceSetRow): DeviceSet {
  return {
    id: row.id,
    displayName: row.display_name,
    ...(row.description === null ? {} : { description: row.description }),
    ...(row.membership_rule === null ? {} : { membershipRule: row.membership_rule }),
    memberCount: row.member_count,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}
