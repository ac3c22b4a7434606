/**
 * The operations of a PATCH body (RFC 7644 §3.5.2), one for each attribute they change. `op` comes
 * in any case, and a value without a path is an object of attributes, as Okta sends it; their names
 * can be paths again (`name.givenName`), as Entra sends them.
 */

import { LIMITS } from '@keydesk/contract'
import { parseAttributePath, type AttributePath } from './attribute-path.ts'
import { attributeOf, isObject, type JsonObject } from './read-value.ts'
import { ScimError } from './scim-error.ts'

export interface PatchOperation {
  readonly op: 'add' | 'replace' | 'remove'
  readonly path: AttributePath
  /** Undefined for a removal that says no value. */
  readonly value: unknown
  /** Named by the client itself, not as one of the attributes in a value. */
  readonly isExplicit: boolean
}

/** In their order. Throws ScimError invalidSyntax, invalidPath, noTarget, tooMany. */
export function patchOperations(body: JsonObject): PatchOperation[] {
  const operations = attributeOf(body, 'Operations')
  if (!Array.isArray(operations) || operations.length === 0) {
    throw new ScimError('invalidSyntax', 'Operations must be an array of at least one operation.')
  }
  if (operations.length > LIMITS.scimMembersPerRequestMax) {
    throw new ScimError(
      'tooMany',
      `Send at most ${LIMITS.scimMembersPerRequestMax} operations at once.`,
    )
  }
  return operations.flatMap(readOperation)
}

function readOperation(operation: unknown): PatchOperation[] {
  if (!isObject(operation)) {
    throw new ScimError('invalidSyntax', 'Each operation must be an object.')
  }
  const op = readOp(attributeOf(operation, 'op'))
  const path = attributeOf(operation, 'path')
  const value = attributeOf(operation, 'value')
  if (path !== undefined && path !== null && typeof path !== 'string') {
    throw new ScimError('invalidPath', 'path must be a string.')
  }
  if (op !== 'remove' && value === undefined) {
    throw new ScimError('invalidValue', `The operation ${op} needs a value.`)
  }
  if (typeof path === 'string' && path !== '') {
    return [{ op, path: parseAttributePath(path), value, isExplicit: true }]
  }
  if (op === 'remove') throw new ScimError('noTarget', 'The operation remove needs a path.')
  if (!isObject(value)) {
    throw new ScimError('invalidValue', 'A value without a path must be an object of attributes.')
  }
  return Object.entries(value).map(([name, one]) => ({
    op,
    path: parseAttributePath(name),
    value: one,
    isExplicit: false,
  }))
}

function readOp(op: unknown): PatchOperation['op'] {
  const word = typeof op === 'string' ? op.toLowerCase() : ''
  if (word === 'add' || word === 'replace' || word === 'remove') return word
  throw new ScimError('invalidSyntax', 'op must be add, replace or remove.')
}
