/**
 * A membership rule as a tree, and the attributes of a device that it may ask about. The language
 * is specified in docs/spec/membership-rules.md: Entra's, as far as it concerns devices.
 */

/** A device as rules see it: its own word, but for `group_name`, which its token gave it. */
export interface RuleFacts {
  readonly name: string
  readonly serial_number: string | null
  readonly manufacturer: string | null
  readonly model: string | null
  readonly os_version: string | null
  readonly os_build: string | null
  readonly join_type: string | null
  readonly group_name: string | null
}

/** What an attribute is called, in the case in which it is printed, and what it is of a device. */
export const RULE_ATTRIBUTES = {
  displayName: ({ name }) => name,
  deviceOSType: () => 'Windows',
  deviceOSVersion: ({ os_version }) => os_version,
  deviceOSBuild: ({ os_build }) => os_build,
  deviceManufacturer: ({ manufacturer }) => manufacturer,
  deviceModel: ({ model }) => model,
  serialNumber: ({ serial_number }) => serial_number,
  enrollmentGroup: ({ group_name }) => group_name,
  joinType: ({ join_type }) => join_type,
  trustType: ({ join_type }) => TRUST_TYPES[join_type ?? ''] ?? null,
  deviceTrustType: ({ join_type }) => TRUST_TYPES[join_type ?? ''] ?? null,
} as const satisfies Record<string, (facts: RuleFacts) => string | null>

export type RuleAttribute = keyof typeof RULE_ATTRIBUTES

/** Entra's names for how a device is joined; it has none for a domain alone. */
const TRUST_TYPES: Readonly<Record<string, string | undefined>> = {
  entra: 'AzureAD',
  hybrid: 'ServerAD',
  workgroup: 'Workplace',
  domain: 'Domain',
}

export const RULE_COMPARISONS = ['eq', 'startsWith', 'endsWith', 'contains', 'like', 'in'] as const
export type RuleComparison = (typeof RULE_COMPARISONS)[number]

export interface RuleTest {
  readonly kind: 'test'
  readonly attribute: RuleAttribute
  readonly comparison: RuleComparison
  /** `-ne`, `-notStartsWith` and so on: the exact opposite. */
  readonly isNegated: boolean
  /** One value, but for `in`. Null only with `eq`: the device does not say. */
  readonly values: readonly (string | null)[]
}

export type MembershipRule =
  | RuleTest
  | { readonly kind: 'not'; readonly rule: MembershipRule }
  | { readonly kind: 'and' | 'or'; readonly rules: readonly MembershipRule[] }

/** How a comparison and its opposite are written. */
export const OPERATOR_NAMES: Readonly<Record<RuleComparison, readonly [string, string]>> = {
  eq: ['-eq', '-ne'],
  startsWith: ['-startsWith', '-notStartsWith'],
  endsWith: ['-endsWith', '-notEndsWith'],
  contains: ['-contains', '-notContains'],
  like: ['-like', '-notLike'],
  in: ['-in', '-notIn'],
}
