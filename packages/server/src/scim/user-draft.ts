/**
 * A user as a SCIM client wants him to be: what this server keeps of RFC 7643 §4.1 and §4.3. All
 * other attributes of the standard are accepted and not kept (docs/scim.md lists them), passwords
 * above all: whoever is provisioned signs in with the issuer that provisions him.
 */

import { LIMITS } from '@keydesk/contract'
import type { UserChanges, UserRow } from '../directory/user-queries.ts'
import { parseAttributePath } from './attribute-path.ts'
import {
  attributeOf,
  booleanOf,
  isObject,
  optionalText,
  requiredText,
  type JsonObject,
} from './read-value.ts'
import { ScimError } from './scim-error.ts'

export interface UserDraft {
  userName: string
  externalId: string | null
  /** Null: to be made of the other names. */
  displayName: string | null
  formattedName: string | null
  givenName: string | null
  familyName: string | null
  mail: string | null
  department: string | null
  active: boolean
}

export const userText = {
  userName: readUserName,
  externalId: (value: unknown) => optionalText(value, 'externalId', LIMITS.externalIdLengthMax),
  displayName: (value: unknown) => optionalText(value, 'displayName', LIMITS.displayNameLengthMax),
  formattedName: (value: unknown) =>
    optionalText(value, 'name.formatted', LIMITS.displayNameLengthMax),
  givenName: (value: unknown) => optionalText(value, 'name.givenName', LIMITS.personFactLengthMax),
  familyName: (value: unknown) =>
    optionalText(value, 'name.familyName', LIMITS.personFactLengthMax),
  mail: (value: unknown) => optionalText(value, 'emails.value', LIMITS.userPrincipalNameLengthMax),
  department: (value: unknown) => optionalText(value, 'department', LIMITS.personFactLengthMax),
} as const

/** No invisible characters either, by which one name could pass for another. */
function readUserName(value: unknown): string {
  const name = requiredText(value, 'userName', LIMITS.userPrincipalNameLengthMax)
  if (!/\p{Cf}/u.test(name)) return name
  throw new ScimError('invalidValue', 'userName must not have invisible characters.')
}

export function draftOf(row: UserRow): UserDraft {
  return {
    userName: row.user_principal_name,
    externalId: row.external_id,
    displayName: row.display_name,
    formattedName: null,
    givenName: row.given_name,
    familyName: row.family_name,
    mail: row.mail,
    department: row.department,
    active: row.is_active,
  }
}

/**
 * The whole user of a POST or PUT. Where a PUT leaves out `active` or `externalId`, they stay: to
 * enable somebody, or to lose whom he belongs to, takes more than an omission.
 */
export function readUser(body: JsonObject, current?: UserRow): UserDraft {
  const name = attributeOf(body, 'name')
  const names = isObject(name) ? name : {}
  const active = attributeOf(body, 'active')
  const externalId = attributeOf(body, 'externalId')
  return {
    userName: userText.userName(attributeOf(body, 'userName')),
    externalId:
      externalId === undefined ? (current?.external_id ?? null) : userText.externalId(externalId),
    displayName: userText.displayName(attributeOf(body, 'displayName')),
    formattedName: userText.formattedName(attributeOf(names, 'formatted')),
    givenName: userText.givenName(attributeOf(names, 'givenName')),
    familyName: userText.familyName(attributeOf(names, 'familyName')),
    mail: mailOf(attributeOf(body, 'emails')) ?? null,
    department: readDepartment(body),
    active:
      active === undefined || active === null
        ? (current?.is_active ?? true)
        : booleanOf(active, 'active'),
  }
}

function readDepartment(body: JsonObject): string | null {
  for (const [key, value] of Object.entries(body)) {
    if (!key.includes(':')) continue
    const { schema, attribute } = parseAttributePath(key)
    if (schema !== 'enterprise') continue
    if (attribute === 'department') return userText.department(value)
    if (attribute === '' && isObject(value)) {
      return userText.department(attributeOf(value, 'department'))
    }
  }
  return null
}

/**
 * The address of a list of e-mails: the primary one of those at work, where a value without a type
 * counts as one. Undefined where there is none.
 */
export function mailOf(emails: unknown): string | undefined {
  const values = (Array.isArray(emails) ? emails : [emails]).filter(isObject)
  const atWork = values.filter((value) => {
    const type = attributeOf(value, 'type')
    if (type === undefined || type === null) return true
    return typeof type === 'string' && type.toLowerCase() === 'work'
  })
  const isPrimary = (value: JsonObject): boolean =>
    String(attributeOf(value, 'primary')).toLowerCase() === 'true'
  const chosen = atWork.find(isPrimary) ?? atWork[0]
  if (chosen === undefined) return undefined
  return userText.mail(attributeOf(chosen, 'value')) ?? undefined
}

export function changesOf(draft: UserDraft): Required<UserChanges> {
  return {
    user_principal_name: draft.userName,
    external_id: draft.externalId,
    display_name: draft.displayName ?? madeUpName(draft),
    given_name: draft.givenName,
    family_name: draft.familyName,
    mail: draft.mail,
    department: draft.department,
    is_active: draft.active,
  }
}

function madeUpName({ formattedName, givenName, familyName, userName }: UserDraft): string {
  const names = [givenName, familyName].filter((name) => name !== null)
  return formattedName ?? (names.length > 0 ? names.join(' ') : userName)
}
