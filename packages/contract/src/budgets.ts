/**
 * `/api/v1/disclosure-budgets`: how many recovery passwords a person or program, or each holder of
 * a role, may be shown. Past a soft limit each one needs a new sign-in; at a hard limit it is
 * refused and somebody is told. Which budget counts: docs/approvals.md.
 */
import { Type, type Static } from 'typebox'
import { Guid, OneOf, StrictObject } from './fields.ts'
import { LIMITS } from './limits.ts'

const Limit = (description: string, minimum = 0) =>
  Type.Optional(Type.Integer({ minimum, maximum: LIMITS.budgetCountMax, description }))

const BudgetLimits = {
  softPerHour: Limit('From this many in an hour on, each one needs a new sign-in', 1),
  softPerDay: Limit('From this many in a day on, each one needs a new sign-in', 1),
  hardPerHour: Limit('At most so many in an hour; 0: none'),
  hardPerDay: Limit('At most so many in a day; 0: none'),
}

export const SetDisclosureBudget = StrictObject(BudgetLimits, { minProperties: 1 })
export type SetDisclosureBudget = Static<typeof SetDisclosureBudget>

export const DisclosureBudget = StrictObject({
  subject: StrictObject({
    type: OneOf(['principal', 'role'], 'A person or program, or each holder of a role'),
    id: Guid('User, app or role'),
  }),
  ...BudgetLimits,
})
export type DisclosureBudget = Static<typeof DisclosureBudget>

export const DisclosureBudgetList = StrictObject({
  items: Type.Array(DisclosureBudget, { description: 'Those of persons and programs first' }),
})
export type DisclosureBudgetList = Static<typeof DisclosureBudgetList>

export const BudgetPrincipalParams = StrictObject({ principalId: Guid('User or app') })
export const BudgetRoleParams = StrictObject({ roleId: Guid('Built-in or custom role') })
