/**
 * Membership rules: what they mean, where they are wrong, and that printing and parsing agree for
 * any rule there can be.
 */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError } from '../errors.ts'
import { matchesMembershipRule } from './matches-membership-rule.ts'
import {
  RULE_ATTRIBUTES,
  RULE_COMPARISONS,
  type MembershipRule,
  type RuleAttribute,
  type RuleFacts,
} from './membership-rule.ts'
import { parseMembershipRule } from './parse-membership-rule.ts'
import { printMembershipRule } from './print-membership-rule.ts'

const PC: RuleFacts = {
  name: 'DE-MUC-042',
  serial_number: 'SN-1',
  manufacturer: 'Contoso',
  model: null,
  os_version: '11 24H2',
  os_build: '26100.1',
  join_type: 'entra',
  group_name: 'Sales "north"',
}

const selects = (rule: string, more: Partial<RuleFacts> = {}): boolean =>
  matchesMembershipRule(parseMembershipRule(rule), { ...PC, ...more })

describe('a rule selects', () => {
  test.each([
    ['(device.displayName -startsWith "DE-") -and (device.trustType -eq "AzureAD")', true],
    ['device.displayName -eq "de-muc-042"', true],
    ['DEVICE.DISPLAYNAME -EQ "DE-MUC-042"', true],
    ['device.displayName -ne "DE-MUC-042"', false],
    ['device.displayName -notStartsWith "DE-"', false],
    ['device.displayName -endsWith "042"', true],
    ['device.displayName -contains "muc"', true],
    ['device.displayName -notContains "ber"', true],
    ['device.displayName -in ["A", "DE-MUC-042"]', true],
    ['device.displayName -notIn ["A", "B"]', true],
    ['device.deviceOSType -eq "Windows"', true],
    ['device.deviceTrustType -eq "ServerAD"', false],
    ['device.joinType -eq "entra"', true],
    ['device.enrollmentGroup -eq "Sales `"north`""', true],
    ['device.deviceModel -eq null', true],
    ['device.deviceModel -ne null', false],
    ['device.serialNumber -ne null', true],
    // What the device does not say equals nothing, so it differs from everything.
    ['device.deviceModel -eq "X"', false],
    ['device.deviceModel -ne "X"', true],
    ['device.deviceModel -notLike "*"', true],
    ['-not device.displayName -startsWith "FR-"', true],
    ['-not (device.displayName -startsWith "FR-" -or device.serialNumber -eq "SN-1")', false],
  ])('%s: %s', (rule, expected) => {
    expect(selects(rule)).toBe(expected)
  })

  test('-and binds tighter than -or, and -not tighter than both', () => {
    const [yes, no] = ['device.displayName -contains "DE"', 'device.displayName -contains "FR"']
    expect(selects(`${yes} -or ${no} -and ${no}`)).toBe(true)
    expect(selects(`(${yes} -or ${no}) -and ${no}`)).toBe(false)
    expect(selects(`-not ${no} -and ${no}`)).toBe(false)
  })

  test.each([
    ['DE-*', true],
    ['de-*-0??', true],
    ['DE-*-??', false],
    ['*', true],
    ['*42', true],
    ['DE-MUC-042?', false],
    ['DE-MUC-042*', true],
    ['**M**C**', true],
    ['?*?*?*?*?*?*?*?*?*?', true],
    ['?*?*?*?*?*?*?*?*?*?*?', false],
  ])('-like "%s": %s', (pattern, expected) => {
    expect(selects(`device.displayName -like "${pattern}"`)).toBe(expected)
  })

  test('a pattern that is made to be slow is not', () => {
    const name = 'a'.repeat(255)
    const pattern = `${'*a'.repeat(126)}b`
    const started = performance.now()
    expect(selects(`device.displayName -like "${pattern}"`, { name })).toBe(false)
    // A millisecond on any machine; a search that goes back would take longer than the universe.
    expect(performance.now() - started).toBeLessThan(30_000)
  })
})

describe('a rule that is wrong is refused with its place', () => {
  test.each([
    ['', 1, 'expected an attribute'],
    ['   ', 4, 'expected an attribute'],
    ['device.displayName', 19, 'expected an operator'],
    ['device.displayName -eq', 23, 'expected a text'],
    ['device.displayName -eq DE', 24, 'expected a text'],
    ['device.displayName -eq ""', 24, 'empty'],
    ['device.displayName -eq "DE', 24, 'not closed'],
    ['device.displayName -eq "DE`"', 24, 'not closed'],
    ['device.displayName -match ".*"', 20, 'no such operator'],
    ['user.department -eq "IT"', 1, 'no such attribute'],
    ['device.constructor -eq "IT"', 1, 'no such attribute'],
    ['(device.displayName -eq "A"', 28, 'closing bracket'],
    ['device.displayName -eq "A")', 27, 'expected -and, -or or the end'],
    ['device.displayName -eq "A" device.displayName -eq "B"', 28, 'expected -and'],
    ['device.displayName -in "A"', 24, 'expected a list'],
    ['device.displayName -in []', 25, 'expected a text'],
    ['device.displayName -in ["A",]', 29, 'expected a text'],
    ['device.displayName -startsWith null', 32, 'expected a text'],
    ["device.displayName -eq 'A'", 24, 'expected a bracket'],
    ['device.displayName -eq "A"; drop table device', 27, 'expected a bracket'],
  ])('%s', (rule, position, detail) => {
    expect(() => parseMembershipRule(rule)).toThrow(
      expect.objectContaining({
        code: 'MEMBERSHIP_RULE_INVALID',
        message: expect.stringContaining(detail) as string,
      }) as AppError,
    )
    expect(() => parseMembershipRule(rule)).toThrow(`At character ${position}:`)
  })

  test.each([
    ['brackets', `${'('.repeat(40)}device.displayName -eq "A"${')'.repeat(40)}`],
    ['negations', `${'-not '.repeat(40)}device.displayName -eq "A"`],
    ['characters', `device.displayName -eq "A"${' '.repeat(3072)}`],
    ['characters in one text', `device.displayName -eq "${'A'.repeat(256)}"`],
    ['values in one list', `device.displayName -in [${'"A",'.repeat(200)}"A"]`],
  ])('too many %s', (_, rule) => {
    expect(() => parseMembershipRule(rule)).toThrow(AppError)
  })
})

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).map(
  // Line breaks cannot reach a rule; everything else may.
  (value) => value.replaceAll(/[\r\n]/g, '_'),
)
const attribute = fc.constantFrom(...(Object.keys(RULE_ATTRIBUTES) as RuleAttribute[]))
const ruleTest: fc.Arbitrary<MembershipRule> = fc
  .record({
    attribute,
    comparison: fc.constantFrom(...RULE_COMPARISONS),
    isNegated: fc.boolean(),
    list: fc.array(text, { minLength: 1, maxLength: 4 }),
    isNull: fc.boolean(),
  })
  .map(({ list, isNull, ...rest }) => {
    const one = rest.comparison === 'eq' && isNull ? [null] : list.slice(0, 1)
    return { kind: 'test', ...rest, values: rest.comparison === 'in' ? list : one }
  })
const anyRule = fc.letrec<{ rule: MembershipRule }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 5 },
    ruleTest,
    tie('rule').map((rule): MembershipRule => ({ kind: 'not', rule })),
    fc
      .tuple(
        fc.constantFrom('and' as const, 'or' as const),
        fc.array(tie('rule'), { minLength: 2, maxLength: 3 }),
      )
      .map(([kind, rules]): MembershipRule => ({ kind, rules })),
  ),
})).rule

const facts: fc.Arbitrary<RuleFacts> = fc.record({
  name: text,
  serial_number: fc.option(text),
  manufacturer: fc.option(text),
  model: fc.option(text),
  os_version: fc.option(text),
  os_build: fc.option(text),
  join_type: fc.constantFrom('entra', 'hybrid', 'domain', 'workgroup', 'unknown', null),
  group_name: fc.option(text),
})

describe('any rule', () => {
  test('is the same after printing and parsing', () => {
    fc.assert(
      fc.property(anyRule, (rule) => {
        const printed = printMembershipRule(rule)
        fc.pre(printed.length <= 3072)
        expect(parseMembershipRule(printed)).toEqual(rule)
      }),
      { numRuns: 500 },
    )
  })

  test('and its negation never agree', () => {
    fc.assert(
      fc.property(anyRule, facts, (rule, device) => {
        expect(matchesMembershipRule({ kind: 'not', rule }, device)).toBe(
          !matchesMembershipRule(rule, device),
        )
      }),
    )
  })

  test('of any characters is parsed or refused, and nothing else happens', () => {
    const pieces = fc.constantFrom(
      ...'( ) [ ] , " ` \u0000 ſ - -and -or -not -eq -in -like device.displayName null "A" device. -ſ'.split(
        ' ',
      ),
    )
    const noise = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join(' ')),
    )
    fc.assert(
      fc.property(noise, (rule) => {
        expect(refusal(rule)).toMatch(/^(|MEMBERSHIP_RULE_INVALID At character \d+: .*)$/)
      }),
      { numRuns: 1000 },
    )
  })
})

/** Empty for a rule that can be read. What is no AppError is thrown. */
function refusal(rule: string): string {
  try {
    parseMembershipRule(rule)
    return ''
  } catch (error) {
    if (error instanceof AppError) return `${error.code} ${error.message}`
    throw error
  }
}
