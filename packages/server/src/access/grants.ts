/**
 * What one person or program may do, from its role assignments: for each permission the devices
 * that it reaches. An explicit deny wins over every allow. Scopes follow the device: its owner
 * plays no part (Entra's scoped administrators lose a key when the owner changes; ours do not).
 *
 * Invariant: an assignment that has expired, or of a role that does not exist, gives nothing.
 */

import { builtInRole, type PermissionName } from '@keydesk/contract'

export type AssignmentScope =
  | { readonly type: 'directory' }
  | { readonly type: 'administrativeUnit'; readonly id: string }
  | { readonly type: 'device'; readonly id: string }

export interface Assignment {
  readonly roleId: string
  readonly effect: 'allow' | 'deny'
  readonly scope: AssignmentScope
  /** Of a custom role; undefined for a built-in one. */
  readonly customPermissions: readonly string[] | undefined
}

/** A set of devices: all, or those of some administrative units and some by name. */
export interface DeviceSelection {
  readonly everywhere: boolean
  readonly unitIds: readonly string[]
  readonly deviceIds: readonly string[]
}

/** The devices that a permission reaches: those allowed, without those denied. */
export interface DeviceReach {
  readonly allowed: DeviceSelection
  readonly denied: DeviceSelection
}

/** A device that exists, as far as scopes are concerned. */
export interface DevicePlace {
  readonly id: string
  /** The administrative units that it belongs to, by rule or by assignment. */
  readonly unitIds: readonly string[]
}

export interface Grants {
  /** Whether the credential may be used for this at all: an access token may be narrower. */
  covers(permission: PermissionName): boolean
  /** Devices for which the permission is held; nothing is allowed where it is not held at all. */
  reach(permission: PermissionName): DeviceReach
}

const NO_DEVICES: DeviceSelection = { everywhere: false, unitIds: [], deviceIds: [] }
const EVERYTHING: DeviceSelection = { ...NO_DEVICES, everywhere: true }

export interface GrantSources {
  readonly assignments: readonly Assignment[]
  /** Permissions that an app holds by its app roles, for the whole directory. */
  readonly appPermissions?: ReadonlySet<PermissionName> | undefined
  /** What the access token of a person may be used for; `everything` for a session. */
  readonly narrowedTo: ReadonlySet<PermissionName> | 'everything'
}

export function createGrants(sources: GrantSources): Grants {
  const { narrowedTo, appPermissions } = sources
  const covers = (permission: PermissionName): boolean =>
    narrowedTo === 'everything' || narrowedTo.has(permission)
  return {
    covers,
    reach: (permission) => {
      if (!covers(permission)) return NO_REACH
      const about = sources.assignments.filter((one) => gives(one, permission))
      const denied = selection(about.filter(({ effect }) => effect === 'deny'))
      if (appPermissions?.has(permission) === true) return { allowed: EVERYTHING, denied }
      return { allowed: selection(about.filter(({ effect }) => effect === 'allow')), denied }
    },
  }
}

const NO_REACH: DeviceReach = { allowed: NO_DEVICES, denied: NO_DEVICES }

function gives({ roleId, customPermissions }: Assignment, permission: PermissionName): boolean {
  const permissions: readonly string[] = builtInRole(roleId)?.permissions ?? customPermissions ?? []
  return permissions.includes(permission)
}

function selection(assignments: readonly Assignment[]): DeviceSelection {
  const scopes = assignments.map(({ scope }) => scope)
  if (scopes.some(({ type }) => type === 'directory')) return EVERYTHING
  return {
    everywhere: false,
    unitIds: scopes.flatMap((scope) => (scope.type === 'administrativeUnit' ? [scope.id] : [])),
    deviceIds: scopes.flatMap((scope) => (scope.type === 'device' ? [scope.id] : [])),
  }
}

/** Whether a permission is held for any device at all. */
export function reachesAny({ allowed, denied }: DeviceReach): boolean {
  const allowsSome =
    allowed.everywhere || allowed.unitIds.length > 0 || allowed.deviceIds.length > 0
  return allowsSome && !denied.everywhere
}

/** Whether a permission is held for the whole directory, whatever single devices are denied. */
export function reachesEverywhere({ allowed, denied }: DeviceReach): boolean {
  return allowed.everywhere && !denied.everywhere
}

/** The same question that `withinReach` asks the database. */
export function coversDevice({ allowed, denied }: DeviceReach, device: DevicePlace): boolean {
  return selects(allowed, device) && !selects(denied, device)
}

function selects(chosen: DeviceSelection, { id, unitIds }: DevicePlace): boolean {
  return (
    chosen.everywhere ||
    chosen.deviceIds.includes(id) ||
    chosen.unitIds.some((unitId) => unitIds.includes(unitId))
  )
}
