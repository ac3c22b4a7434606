/**
 * Applies PATCH operations to a user (RFC 7644 §3.5.2), leniently where real clients need it: a
 * replacement of what is not there adds it, and attributes of the standard that this server does
 * not keep are passed over. One such attribute must never hold up that somebody is disabled.
 */

import type { AttributePath } from './attribute-path.ts'
import { matchesValue } from './matches-value.ts'
import { patchOperations, type PatchOperation } from './patch-operations.ts'
import { booleanOf, isObject, type JsonObject } from './read-value.ts'
import { ScimError } from './scim-error.ts'
import { mailOf, userText, type UserDraft } from './user-draft.ts'

/** Of RFC 7643 §4.1 and §4.3; what is not here and not kept is a mistake. */
const NOT_KEPT = new Set([
  'nickname',
  'profileurl',
  'title',
  'usertype',
  'preferredlanguage',
  'locale',
  'timezone',
  'password',
  'phonenumbers',
  'ims',
  'photos',
  'addresses',
  'entitlements',
  'roles',
  'x509certificates',
])
const READ_ONLY = new Set(['id', 'meta', 'groups', 'schemas'])

/** Throws ScimError; then the draft is half changed and must be thrown away. */
export function patchUser(draft: UserDraft, body: JsonObject): void {
  for (const operation of patchOperations(body)) applyOperation(draft, operation)
}

function applyOperation(draft: UserDraft, operation: PatchOperation): void {
  const { path, op, isExplicit } = operation
  if (path.schema === 'other') return
  if (path.schema === 'enterprise') {
    applyEnterprise(draft, operation)
    return
  }
  const { attribute } = path
  if (NOT_KEPT.has(attribute)) return
  if (READ_ONLY.has(attribute)) {
    // Okta repeats the ID among the attributes of a value.
    if (isExplicit) throw new ScimError('mutability', `${attribute} is read-only.`)
    return
  }
  if (attribute === 'name') applyName(draft, operation)
  else if (attribute === 'emails') applyEmails(draft, operation)
  else applySimple(draft, attribute, path, op === 'remove' ? undefined : operation.value)
}

function applySimple(
  draft: UserDraft,
  attribute: string,
  path: AttributePath,
  value: unknown,
): void {
  if (path.subAttribute !== undefined || path.filter !== undefined) throw unknownAttribute()
  switch (attribute) {
    case 'username':
      if (value === undefined) throw required('userName')
      draft.userName = userText.userName(value)
      return
    case 'active':
      if (value === undefined) throw required('active')
      draft.active = booleanOf(firstValue(value), 'active')
      return
    case 'externalid':
      draft.externalId = userText.externalId(value)
      return
    case 'displayname':
      draft.displayName = userText.displayName(value)
      return
    default:
      throw unknownAttribute()
  }
}

/** Some clients wrap the one value of an attribute in an array: `[{ "value": "False" }]`. */
function firstValue(value: unknown): unknown {
  const first: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value
  return isObject(first) ? first['value'] : first
}

function applyName(draft: UserDraft, { op, path, value }: PatchOperation): void {
  if (path.filter !== undefined) throw unknownAttribute()
  if (path.subAttribute !== undefined) {
    setName(draft, path.subAttribute, op === 'remove' ? undefined : value)
  } else if (op === 'remove') {
    for (const part of ['givenname', 'familyname']) setName(draft, part, undefined)
  } else {
    if (!isObject(value)) throw new ScimError('invalidValue', 'name must be an object.')
    for (const [part, one] of Object.entries(value)) setName(draft, part.toLowerCase(), one)
  }
}

function setName(draft: UserDraft, part: string, value: unknown): void {
  if (part === 'givenname') draft.givenName = userText.givenName(value)
  else if (part === 'familyname') draft.familyName = userText.familyName(value)
  else if (!['formatted', 'middlename', 'honorificprefix', 'honorificsuffix'].includes(part)) {
    throw unknownAttribute()
  }
}

/** There is at most one address: that of work, and it is primary. */
function applyEmails(draft: UserDraft, { op, path, value }: PatchOperation): void {
  const { filter, subAttribute } = path
  const current = { type: 'work', primary: true, value: draft.mail ?? undefined }
  if (filter !== undefined && !matchesValue(filter, current)) {
    if (op === 'replace' && JSON.stringify(filter).includes('"attrPath":"value"')) {
      throw new ScimError('noTarget', 'No e-mail address has this value.')
    }
    return
  }
  if (subAttribute !== undefined && subAttribute !== 'value') {
    if (!['type', 'primary', 'display', '$ref'].includes(subAttribute)) throw unknownAttribute()
    return
  }
  if (op === 'remove') {
    const only = mailOf(value)
    if (only === undefined || only.toLowerCase() === draft.mail?.toLowerCase()) draft.mail = null
    return
  }
  if (subAttribute === 'value') {
    draft.mail = userText.mail(value)
    return
  }
  // With a filter the value is of the e-mail that it chose, whatever its type says.
  const mail =
    filter !== undefined && isObject(value) ? mailOf({ ...value, type: 'work' }) : mailOf(value)
  if (mail !== undefined) draft.mail = mail
  else if (op === 'replace' && filter === undefined) draft.mail = null
}

function applyEnterprise(draft: UserDraft, { op, path, value }: PatchOperation): void {
  if (path.attribute === 'department') {
    draft.department = op === 'remove' ? null : userText.department(value)
  } else if (path.attribute === '') {
    if (op === 'remove') draft.department = null
    if (op === 'remove' || !isObject(value)) return
    for (const [name, one] of Object.entries(value)) {
      if (name.toLowerCase() === 'department') draft.department = userText.department(one)
    }
  }
}

function required(name: string): ScimError {
  return new ScimError('mutability', `${name} cannot be removed.`)
}

function unknownAttribute(): ScimError {
  return new ScimError('invalidPath', 'There is no such attribute of a user.')
}
