/**
 * Reads a membership rule: recursive descent over `or`, `and`, `not` and one test, in the order of
 * how tightly they bind. Every bound is checked before it can cost anything.
 */

import { LIMITS } from '@keydesk/contract'
import {
  OPERATOR_NAMES,
  RULE_ATTRIBUTES,
  RULE_COMPARISONS,
  type MembershipRule,
  type RuleAttribute,
  type RuleComparison,
} from './membership-rule.ts'
import { ruleError, tokenizeRule, type RuleToken } from './tokenize-rule.ts'

/** Throws AppError MEMBERSHIP_RULE_INVALID, which says where. */
export function parseMembershipRule(text: string): MembershipRule {
  if (text.length > LIMITS.membershipRuleLengthMax) {
    throw ruleError(
      LIMITS.membershipRuleLengthMax,
      `a rule has at most ${LIMITS.membershipRuleLengthMax} characters.`,
    )
  }
  const words = new Words(tokenizeRule(text))
  const rule = parseAlternatives(words, 0)
  const rest = words.next()
  if (rest.kind !== 'end') throw ruleError(rest.position, 'expected -and, -or or the end.')
  return rule
}

class Words {
  readonly #tokens: readonly RuleToken[]
  #at = 0

  constructor(tokens: readonly RuleToken[]) {
    this.#tokens = tokens
  }

  peek(): RuleToken {
    const token = this.#tokens[this.#at]
    if (token === undefined) throw new RangeError('read past the end of a rule')
    return token
  }

  next(): RuleToken {
    const token = this.peek()
    if (token.kind !== 'end') this.#at += 1
    return token
  }

  /** Takes the operator, if it is the next word. */
  takes(operator: string): boolean {
    const { kind, text } = this.peek()
    if (kind !== 'operator' || text.toLowerCase() !== operator) return false
    this.#at += 1
    return true
  }

  expect(kind: RuleToken['kind'], what: string): RuleToken {
    const token = this.next()
    if (token.kind !== kind) throw ruleError(token.position, `expected ${what}.`)
    return token
  }
}

function parseAlternatives(words: Words, depth: number): MembershipRule {
  return parseChain(words, 'or', () => parseChain(words, 'and', () => parseOne(words, depth)))
}

function parseChain(
  words: Words,
  kind: 'and' | 'or',
  parsePart: () => MembershipRule,
): MembershipRule {
  const first = parsePart()
  const rules = [first]
  while (words.takes(`-${kind}`)) rules.push(parsePart())
  return rules.length === 1 ? first : { kind, rules }
}

function parseOne(words: Words, depth: number): MembershipRule {
  const { position } = words.peek()
  if (depth > LIMITS.membershipRuleDepthMax) {
    throw ruleError(position, `more than ${LIMITS.membershipRuleDepthMax} levels of brackets.`)
  }
  if (words.takes('-not')) return { kind: 'not', rule: parseOne(words, depth + 1) }
  if (words.peek().kind !== '(') return parseTest(words)
  words.next()
  const rule = parseAlternatives(words, depth + 1)
  words.expect(')', '-and, -or or a closing bracket')
  return rule
}

const ATTRIBUTES = new Map(
  Object.keys(RULE_ATTRIBUTES).map((name) => [
    `device.${name.toLowerCase()}`,
    name as RuleAttribute,
  ]),
)

const COMPARISONS = new Map(
  RULE_COMPARISONS.flatMap((comparison) =>
    OPERATOR_NAMES[comparison].map(
      (name, index) => [name.toLowerCase(), { comparison, isNegated: index === 1 }] as const,
    ),
  ),
)

function parseTest(words: Words): MembershipRule {
  const word = words.expect('word', 'an attribute such as device.displayName, -not or a bracket')
  const attribute = ATTRIBUTES.get(word.text.toLowerCase())
  if (attribute === undefined) {
    const known = [...ATTRIBUTES.values()].map((name) => `device.${name}`).join(', ')
    throw ruleError(word.position, `there is no such attribute. There are ${known}.`)
  }
  const operator = words.expect('operator', 'an operator such as -eq')
  const found = COMPARISONS.get(operator.text.toLowerCase())
  if (found === undefined) {
    const known = Object.values(OPERATOR_NAMES).flat().join(', ')
    throw ruleError(operator.position, `there is no such operator. There are ${known}.`)
  }
  return { kind: 'test', attribute, ...found, values: parseValues(words, found.comparison) }
}

function parseValues(words: Words, comparison: RuleComparison): readonly (string | null)[] {
  if (comparison === 'in') return parseList(words)
  const { kind, text } = words.peek()
  if (comparison === 'eq' && kind === 'word' && text.toLowerCase() === 'null') {
    words.next()
    return [null]
  }
  return [parseText(words)]
}

function parseList(words: Words): readonly string[] {
  const { position } = words.expect('[', 'a list such as ["A", "B"]')
  const values = [parseText(words)]
  for (;;) {
    const { kind } = words.peek()
    if (kind !== ',') break
    words.next()
    values.push(parseText(words))
  }
  words.expect(']', 'a comma or the end of the list')
  if (values.length > LIMITS.membershipRuleListMax) {
    throw ruleError(position, `a list has at most ${LIMITS.membershipRuleListMax} values.`)
  }
  return values
}

function parseText(words: Words): string {
  const { text, position } = words.expect('text', 'a text in double quotes')
  if (text.length === 0) throw ruleError(position, 'this text is empty. For no value write null.')
  if (text.length > LIMITS.membershipRuleTextLengthMax) {
    throw ruleError(
      position,
      `a text has at most ${LIMITS.membershipRuleTextLengthMax} characters.`,
    )
  }
  return text
}
