/**
 * What must hold at the moment of a disclosure, inside its transaction: the owner still is the
 * owner and the rules of self-service allow it; a second person has approved where that is
 * demanded; the budget is not used up. In that order, so that a refused wish costs no budget.
 */

import type { Transaction } from 'kysely'
import { auditActor } from '../access/actor.ts'
import { judgeApprovals } from '../approvals/judge-approvals.ts'
import { appendAudit } from '../audit/append-audit.ts'
import type { Database } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { AppError } from '../errors.ts'
import { judgeOwnership, refusalError } from '../self-service/self-service-verdict.ts'
import {
  lockOwnership,
  selectOwnershipFacts,
  type OwnershipFacts,
} from '../self-service/verdict-queries.ts'
import { budgetLimits, selfServiceLimits } from './budget-limits.ts'
import {
  claimAlert,
  lockBudgets,
  selectDisclosureRules,
  type AlertKey,
  type DisclosureRules,
} from './disclosure-rule-queries.ts'
import type { Admission, WantedDisclosure } from './wanted-disclosure.ts'
import { withinBudget, type BudgetRefusal } from './within-budget.ts'

export interface Admissions {
  /** In the order of the wishes. */
  readonly answers: readonly (Admission | AppError)[]
  /** Budgets that somebody used up and that nobody was told of yet: tell after the commit. */
  readonly alerts: readonly AlertKey[]
}

/** A wish on its way through the checks. */
interface Candidate {
  readonly wanted: WantedDisclosure
  readonly rules: DisclosureRules
  /** Of an owner. */
  readonly facts: OwnershipFacts | undefined
  answer: Admission | AppError | undefined
}

export async function admitDisclosures(
  deps: Pick<Deps, 'config'>,
  trx: Transaction<Database>,
  batch: readonly WantedDisclosure[],
  now: Date,
): Promise<Admissions> {
  await lockBudgets(
    trx,
    batch.map(({ principal }) => principal.id),
  )
  const candidates = await gather(trx, batch, now)
  for (const candidate of candidates) {
    const verdict = candidate.facts && judgeOwnership(candidate.facts, now)
    if (verdict?.isAllowed === false) candidate.answer = refusalError(verdict)
  }
  const unrefused = candidates.filter(({ answer }) => answer === undefined)
  const approvals = await judgeApprovals(trx, unrefused, now)
  for (const [index, candidate] of unrefused.entries()) candidate.answer = approvals[index]
  const alerts = await judgeBudgets(deps, trx, candidates, now)
  return {
    alerts,
    answers: candidates.map(({ answer }) => {
      if (answer === undefined) throw new Error('a disclosure was not judged')
      return answer
    }),
  }
}

async function gather(
  trx: Transaction<Database>,
  batch: readonly WantedDisclosure[],
  now: Date,
): Promise<Candidate[]> {
  const owned = batch.filter(({ kind }) => kind === 'ownership')
  const facts = owned.length === 0 ? [] : await ownershipFacts(trx, owned)
  const rules = await selectDisclosureRules(
    trx,
    batch.map(({ principal, key }) => ({ principalId: principal.id, deviceId: key.device_id })),
    now,
  )
  return batch.map((wanted, index) => {
    const own = rules[index]
    const place = owned.indexOf(wanted)
    if (own === undefined || (place >= 0 && facts[place] === undefined)) {
      throw new Error('the rules of a disclosure are missing')
    }
    return { wanted, rules: own, facts: facts[place], answer: undefined }
  })
}

/** A change of the owner that was committed before is seen; one that comes later waits. */
async function ownershipFacts(
  trx: Transaction<Database>,
  owned: readonly WantedDisclosure[],
): Promise<OwnershipFacts[]> {
  await lockOwnership(
    trx,
    owned.map(({ key }) => key.device_id),
  )
  return await selectOwnershipFacts(
    trx,
    owned.map(({ principal, key }) => ({
      userId: principal.id,
      deviceId: key.device_id,
      keyId: key.id,
    })),
  )
}

async function judgeBudgets(
  deps: Pick<Deps, 'config'>,
  trx: Transaction<Database>,
  candidates: readonly Candidate[],
  now: Date,
): Promise<AlertKey[]> {
  const admitted = candidates.filter(({ answer }) => !(answer instanceof AppError))
  const refusals = await withinBudget(
    deps,
    trx,
    admitted.map(({ wanted, rules, facts }) => ({
      principal: wanted.principal,
      isSelfService: wanted.kind === 'ownership',
      limits:
        facts === undefined
          ? budgetLimits(rules.budgets, deps.config.disclosureBudget)
          : selfServiceLimits(facts, deps.config.disclosureBudget),
    })),
    now,
  )
  const alerts: AlertKey[] = []
  for (const [index, candidate] of admitted.entries()) {
    const refusal = refusals[index]
    if (refusal === undefined) continue
    candidate.answer = refusal.error
    const alert = await alertOnce(trx, candidate.wanted, refusal, now)
    if (alert !== undefined) alerts.push(alert)
  }
  return alerts
}

/** On record once in the window of the budget; whoever goes on trying does not fill the log. */
async function alertOnce(
  trx: Transaction<Database>,
  { principal, kind, key, requestId }: WantedDisclosure,
  { exceeded }: BudgetRefusal,
  now: Date,
): Promise<AlertKey | undefined> {
  if (exceeded === undefined) return undefined
  const { windowSeconds, count } = exceeded
  const isSelfService = kind === 'ownership'
  const alert = { principalId: principal.id, isSelfService, windowSeconds }
  if (!(await claimAlert(trx, alert, now))) return undefined
  await appendAudit(trx, [
    {
      occurredAt: now,
      action: 'disclosure.budgetAlert',
      outcome: 'denied',
      actor: auditActor(principal),
      deviceId: key.device_id,
      requestId,
      detail: { limit: count, windowSeconds, isSelfService },
    },
  ])
  return alert
}
