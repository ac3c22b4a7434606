/** HTTP of approvals: rules, requests, decisions. */

import {
  ApprovalRequest,
  ApprovalRequestPage,
  ApprovalRequestParams,
  ApprovalRequestQuery,
  ApprovalRule,
  ApprovalRuleList,
  ApprovalRuleParams,
  CreateApprovalRequest,
  CreateApprovalRule,
  DecideApproval,
  ReviewEmergency,
} from '@keydesk/contract'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { principalOf, type ByPrincipal } from '../access/actor.ts'
import type { Deps } from '../deps.ts'
import type { App } from '../http/app-type.ts'
import { createApprovalRule, listApprovalRules, removeApprovalRule } from './approval-rules.ts'
import { cancelApproval } from './cancel-approval.ts'
import { decideApproval, reviewEmergency } from './decide-approval.ts'
import { listApprovals, showApproval } from './list-approvals.ts'
import { requestApproval } from './request-approval.ts'

const by = (request: FastifyRequest): ByPrincipal => ({
  principal: principalOf(request),
  requestId: request.id,
})

export function approvalRoutes(app: App, deps: Deps): void {
  ruleRoutes(app, deps)

  app.post(
    '/api/v1/approval-requests',
    { schema: { body: CreateApprovalRequest, response: { 201: ApprovalRequest } } },
    async (request, reply) =>
      await reply.code(201).send(await requestApproval(deps, by(request), request.body)),
  )

  app.get(
    '/api/v1/approval-requests',
    { schema: { querystring: ApprovalRequestQuery, response: { 200: ApprovalRequestPage } } },
    async (request) => await listApprovals(deps, principalOf(request), request.query),
  )

  app.get(
    '/api/v1/approval-requests/:id',
    { schema: { params: ApprovalRequestParams, response: { 200: ApprovalRequest } } },
    async (request) => await showApproval(deps, principalOf(request), request.params.id),
  )

  app.delete(
    '/api/v1/approval-requests/:id',
    { schema: { params: ApprovalRequestParams, response: { 204: Type.Null() } } },
    async (request, reply) => {
      await cancelApproval(deps, by(request), request.params.id)
      return await reply.code(204).send(null)
    },
  )

  app.post(
    '/api/v1/approval-requests/:id/decision',
    {
      schema: {
        params: ApprovalRequestParams,
        body: DecideApproval,
        response: { 200: ApprovalRequest },
      },
    },
    async (request) => await decideApproval(deps, by(request), request.params.id, request.body),
  )

  app.post(
    '/api/v1/approval-requests/:id/review',
    {
      schema: {
        params: ApprovalRequestParams,
        body: ReviewEmergency,
        response: { 200: ApprovalRequest },
      },
    },
    async (request) => await reviewEmergency(deps, by(request), request.params.id, request.body),
  )
}

function ruleRoutes(app: App, deps: Deps): void {
  app.get(
    '/api/v1/approval-rules',
    { schema: { response: { 200: ApprovalRuleList } } },
    async () => await listApprovalRules(deps),
  )

  app.post(
    '/api/v1/approval-rules',
    { schema: { body: CreateApprovalRule, response: { 201: ApprovalRule } } },
    async (request, reply) =>
      await reply.code(201).send(await createApprovalRule(deps, by(request), request.body)),
  )

  app.delete(
    '/api/v1/approval-rules/:id',
    { schema: { params: ApprovalRuleParams, response: { 204: Type.Null() } } },
    async (request, reply) => {
      await removeApprovalRule(deps, by(request), request.params.id)
      return await reply.code(204).send(null)
    },
  )
}
