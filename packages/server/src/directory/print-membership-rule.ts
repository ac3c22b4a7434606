/** Writes a membership rule so that nothing depends on which operator binds tighter. */

import { OPERATOR_NAMES, type MembershipRule, type RuleTest } from './membership-rule.ts'

/** `parseMembershipRule` makes the same tree of it, while it is within the bounds. */
export function printMembershipRule(rule: MembershipRule): string {
  if (rule.kind === 'test') return printTest(rule)
  if (rule.kind === 'not') return `(-not ${printMembershipRule(rule.rule)})`
  return `(${rule.rules.map(printMembershipRule).join(` -${rule.kind} `)})`
}

function printTest({ attribute, comparison, isNegated, values }: RuleTest): string {
  const [positive, negative] = OPERATOR_NAMES[comparison]
  const texts = values.map((value) => (value === null ? 'null' : printText(value)))
  const value = comparison === 'in' ? `[${texts.join(', ')}]` : texts.join('')
  return `(device.${attribute} ${isNegated ? negative : positive} ${value})`
}

function printText(text: string): string {
  return `"${text.replaceAll(/["`]/g, '`$&')}"`
}
