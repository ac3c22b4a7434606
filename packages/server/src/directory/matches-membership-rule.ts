/**
 * Whether a membership rule selects a device. The only place that knows what a rule means: one
 * device and all devices are judged by the same code, so they cannot differ.
 *
 * Case is free, as in Entra. What a device does not say equals nothing but `null`, and every
 * negated operator is the exact opposite of its positive one.
 */

import {
  RULE_ATTRIBUTES,
  type MembershipRule,
  type RuleComparison,
  type RuleFacts,
  type RuleTest,
} from './membership-rule.ts'

export function matchesMembershipRule(rule: MembershipRule, facts: RuleFacts): boolean {
  if (rule.kind === 'test') return passes(rule, facts) !== rule.isNegated
  if (rule.kind === 'not') return !matchesMembershipRule(rule.rule, facts)
  const matches = (part: MembershipRule): boolean => matchesMembershipRule(part, facts)
  return rule.kind === 'and' ? rule.rules.every(matches) : rule.rules.some(matches)
}

const COMPARE: Readonly<Record<RuleComparison, (actual: string, wanted: string) => boolean>> = {
  eq: (actual, wanted) => actual === wanted,
  in: (actual, wanted) => actual === wanted,
  startsWith: (actual, wanted) => actual.startsWith(wanted),
  endsWith: (actual, wanted) => actual.endsWith(wanted),
  contains: (actual, wanted) => actual.includes(wanted),
  like: isLike,
}

function passes({ attribute, comparison, values }: RuleTest, facts: RuleFacts): boolean {
  const actual = RULE_ATTRIBUTES[attribute](facts)?.toLowerCase() ?? null
  return values.some((value) => {
    if (actual === null || value === null) return comparison === 'eq' && actual === value
    return COMPARE[comparison](actual, value.toLowerCase())
  })
}

/**
 * `*` stands for any characters, `?` for one. On a mismatch only the last `*` takes one more
 * character: at most as many steps as both lengths multiplied, whatever the pattern.
 */
function isLike(text: string, pattern: string): boolean {
  let at = 0
  let part = 0
  let star = -1
  let resumeAt = 0
  while (at < text.length) {
    const wanted = pattern[part]
    if (wanted === '*') {
      star = part
      resumeAt = at
      part += 1
    } else if (wanted === '?' || wanted === text[at]) {
      at += 1
      part += 1
    } else if (star >= 0) {
      part = star + 1
      resumeAt += 1
      at = resumeAt
    } else {
      return false
    }
  }
  while (pattern[part] === '*') part += 1
  return part === pattern.length
}
