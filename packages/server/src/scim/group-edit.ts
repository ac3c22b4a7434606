/**
 * What a SCIM client wants changed in a group. Members are a set: however many operations a request
 * has, what is left is who comes and who goes.
 */

import { LIMITS, isGuid } from '@keydesk/contract'
import type { Filter } from 'scim2-parse-filter'
import { patchOperations, type PatchOperation } from './patch-operations.ts'
import { attributeOf, isObject, optionalText, requiredText, type JsonObject } from './read-value.ts'
import { ScimError } from './scim-error.ts'

export interface GroupEdit {
  displayName: string | undefined
  externalId: string | null | undefined
  readonly members: MemberEdit
}

interface MemberEdit {
  /** Whoever is not in `added` goes. */
  isReplaced: boolean
  readonly added: Set<string>
  readonly removed: Set<string>
}

/** Of a POST or PUT. Members that are left out stay as they are. Throws ScimError. */
export function readGroup(body: JsonObject): GroupEdit & { displayName: string } {
  const edit = { ...emptyEdit(), displayName: readDisplayName(attributeOf(body, 'displayName')) }
  const externalId = attributeOf(body, 'externalId')
  if (externalId !== undefined) edit.externalId = readExternalId(externalId)
  const members = attributeOf(body, 'members')
  if (members !== undefined && members !== null) replaceMembers(edit.members, members)
  return edit
}

/** Of a PATCH (RFC 7644 §3.5.2). Throws ScimError. */
export function readGroupPatch(body: JsonObject): GroupEdit {
  const edit = emptyEdit()
  for (const operation of patchOperations(body)) applyOperation(edit, operation)
  checkSize(edit.members)
  return edit
}

function emptyEdit(): GroupEdit {
  const members = { isReplaced: false, added: new Set<string>(), removed: new Set<string>() }
  return { displayName: undefined, externalId: undefined, members }
}

function applyOperation(edit: GroupEdit, operation: PatchOperation): void {
  const { op, path, value, isExplicit } = operation
  if (path.schema === 'other') return
  if (path.attribute === 'members' && path.schema === 'core') {
    applyMembers(edit.members, operation)
    return
  }
  if (path.filter !== undefined || path.subAttribute !== undefined) throw unknownAttribute()
  switch (path.attribute) {
    case 'displayname':
      if (op === 'remove') throw new ScimError('mutability', 'displayName cannot be removed.')
      edit.displayName = readDisplayName(value)
      return
    case 'externalid':
      edit.externalId = op === 'remove' ? null : readExternalId(value)
      return
    case 'id':
    case 'meta':
    case 'schemas':
      // Okta repeats the ID among the attributes of a value.
      if (isExplicit) throw new ScimError('mutability', `${path.attribute} is read-only.`)
      return
    default:
      // Attributes that only the client's own application has come along with others.
      if (isExplicit) throw unknownAttribute()
  }
}

function applyMembers(edit: MemberEdit, { op, path, value }: PatchOperation): void {
  if (path.subAttribute !== undefined && path.subAttribute !== 'value') {
    throw new ScimError('mutability', 'Members can come and go, and are not changed.')
  }
  if (path.filter !== undefined) {
    if (op !== 'remove') {
      throw new ScimError('mutability', 'Members can come and go, and are not changed.')
    }
    for (const id of idsOfFilter(path.filter)) removeMember(edit, id)
  } else if (op === 'replace') {
    replaceMembers(edit, value)
  } else if (op === 'add') {
    for (const id of memberIds(value)) addMember(edit, id)
  } else if (value === undefined || value === null) {
    replaceMembers(edit, [])
  } else {
    // Entra names those who go in the value instead of the path.
    for (const id of memberIds(value)) removeMember(edit, id)
  }
}

function replaceMembers(edit: MemberEdit, value: unknown): void {
  edit.isReplaced = true
  edit.added.clear()
  edit.removed.clear()
  for (const id of memberIds(value)) edit.added.add(id)
}

function addMember({ added, removed }: MemberEdit, id: string): void {
  added.add(id)
  removed.delete(id)
}

function removeMember({ added, removed }: MemberEdit, id: string): void {
  removed.add(id)
  added.delete(id)
}

/** `value eq "…"`, or several of these with `or`. */
function idsOfFilter(filter: Filter): string[] {
  if (filter.op === 'or') return filter.filters.flatMap(idsOfFilter)
  const isId = filter.op === 'eq' && filter.attrPath.toLowerCase() === 'value'
  if (isId && typeof filter.compValue === 'string') return [filter.compValue.toLowerCase()]
  throw new ScimError('invalidFilter', 'Members are named by members[value eq "…"] only.')
}

function memberIds(value: unknown): string[] {
  const members: unknown[] = Array.isArray(value) ? value : [value]
  if (members.length > LIMITS.scimMembersPerRequestMax) throw tooManyMembers()
  return members.map((member) => {
    const id = isObject(member) ? attributeOf(member, 'value') : member
    if (isObject(member) && isGroup(member)) throw nestedGroup()
    if (typeof id === 'string' && isGuid(id.toLowerCase())) return id.toLowerCase()
    throw new ScimError('invalidValue', 'A member is named by the ID of a user of this server.')
  })
}

function isGroup(member: JsonObject): boolean {
  const type = attributeOf(member, 'type')
  const reference = attributeOf(member, '$ref')
  return (
    (typeof type === 'string' && type.toLowerCase() === 'group') ||
    (typeof reference === 'string' && /\/Groups\/[^/]*$/i.test(reference))
  )
}

function checkSize({ added, removed }: MemberEdit): void {
  if (added.size + removed.size > LIMITS.scimMembersPerRequestMax) throw tooManyMembers()
}

function readDisplayName(value: unknown): string {
  return requiredText(value, 'displayName', LIMITS.displayNameLengthMax)
}

function readExternalId(value: unknown): string | null {
  return optionalText(value, 'externalId', LIMITS.externalIdLengthMax)
}

export function nestedGroup(): ScimError {
  return new ScimError(
    'invalidValue',
    'Groups have users as members, not groups. Provision the members of the nested group.',
  )
}

function tooManyMembers(): ScimError {
  return new ScimError(
    'tooMany',
    `Send at most ${LIMITS.scimMembersPerRequestMax} members in one request.`,
  )
}

function unknownAttribute(): ScimError {
  return new ScimError('invalidPath', 'There is no such attribute of a group.')
}
