/** HTTP of disclosure budgets. */

import {
  BudgetPrincipalParams,
  BudgetRoleParams,
  DisclosureBudget,
  DisclosureBudgetList,
  SetDisclosureBudget,
} from '@keydesk/contract'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { principalOf, type ByPrincipal } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import { listBudgets, removeBudget, setBudget } from './disclosure-budgets.ts'

const by = (request: FastifyRequest): ByPrincipal => ({
  principal: principalOf(request),
  requestId: request.id,
})

const PRINCIPAL = '/api/v1/disclosure-budgets/principals/:principalId'
const ROLE = '/api/v1/disclosure-budgets/roles/:roleId'

export function budgetRoutes(app: App, deps: Deps): void {
  const answers = { body: SetDisclosureBudget, response: { 200: DisclosureBudget } }

  app.get(
    '/api/v1/disclosure-budgets',
    { schema: { response: { 200: DisclosureBudgetList } } },
    async () => await listBudgets(deps),
  )

  app.put(PRINCIPAL, { schema: { params: BudgetPrincipalParams, ...answers } }, async (request) => {
    const subject = { type: 'principal', id: request.params.principalId } as const
    return await setBudget(deps, by(request), subject, request.body)
  })

  app.put(ROLE, { schema: { params: BudgetRoleParams, ...answers } }, async (request) => {
    const subject = { type: 'role', id: request.params.roleId } as const
    return await setBudget(deps, by(request), subject, request.body)
  })

  app.delete(
    PRINCIPAL,
    { schema: { params: BudgetPrincipalParams, response: { 204: Type.Null() } } },
    async (request, reply) => {
      const subject = { type: 'principal', id: request.params.principalId } as const
      await removeBudget(deps, by(request), subject)
      return await reply.code(204).send(null)
    },
  )

  app.delete(
    ROLE,
    { schema: { params: BudgetRoleParams, response: { 204: Type.Null() } } },
    async (request, reply) => {
      const subject = { type: 'role', id: request.params.roleId } as const
      await removeBudget(deps, by(request), subject)
      return await reply.code(204).send(null)
    },
  )
}
