/** A scope as the API writes it, as in Graph: `/`, `/administrativeUnits/{id}`, `/devices/{id}`. */

import type { AssignmentScope } from '../access/grants.ts'

/** Of a text that has the form of the contract's `Scope`. */
export function parseScope(text: string): AssignmentScope {
  const [, kind, id] = text.split('/')
  if (id === undefined) return { type: 'directory' }
  return { type: kind === 'devices' ? 'device' : 'administrativeUnit', id }
}

export function scopeText(type: AssignmentScope['type'], id: string | null): string {
  if (type === 'directory') return '/'
  return `/${type === 'device' ? 'devices' : 'administrativeUnits'}/${id ?? ''}`
}
