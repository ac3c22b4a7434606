/**
 * `/api/v1/administrative-units` and `/api/v1/device-groups`: devices that belong together, to scope
 * roles by and to set policy for. Both are device sets: their members are assigned, or follow from
 * a membership rule (docs/spec/membership-rules.md).
 */
import { Type, type Static } from 'typebox'
import {
  Guid,
  Name,
  NextAfter,
  PageQuery,
  Search,
  StrictObject,
  Text,
  Timestamp,
} from './fields.ts'
import { LIMITS } from './limits.ts'

/** Separates the names of sets in a field of a CSV file, so no name has it. */
export const DEVICE_SET_SEPARATOR = '|'

const DisplayName = Type.String({
  ...Name(LIMITS.displayNameLengthMax, 'Name; unique in any case of letters, without `|`'),
  not: { pattern: '\\|' },
})
const Description = Name(LIMITS.descriptionLengthMax, 'What it is for')
const MembershipRule = Text(
  LIMITS.membershipRuleLengthMax,
  'Rule such as `(device.displayName -startsWith "DE-") -and (device.trustType -eq "AzureAD")`',
)

export const CreateDeviceSet = StrictObject({
  displayName: DisplayName,
  description: Type.Optional(Description),
  membershipRule: Type.Optional(MembershipRule),
})
export type CreateDeviceSet = Static<typeof CreateDeviceSet>

/**
 * What is absent stays as it is. A rule replaces the assigned members by those it selects; null
 * makes the members that the rule selected last the assigned ones.
 */
export const ChangeDeviceSet = StrictObject({
  displayName: Type.Optional(DisplayName),
  description: Type.Optional(
    Type.Union([Description, Type.Null({ description: 'Takes it away' })]),
  ),
  membershipRule: Type.Optional(
    Type.Union([MembershipRule, Type.Null({ description: 'Members are assigned from now on' })]),
  ),
})
export type ChangeDeviceSet = Static<typeof ChangeDeviceSet>

export const DeviceSet = StrictObject({
  id: Guid('Administrative unit or device group'),
  displayName: Type.String({ description: 'Its name' }),
  description: Type.Optional(Type.String({ description: 'What it is for' })),
  membershipRule: Type.Optional(
    Type.String({ description: 'Which devices are in it; absent if members are assigned' }),
  ),
  memberCount: Type.Integer({
    minimum: 0,
    description: 'Devices in it, of those that the caller may see',
  }),
  createdAt: Timestamp('When it was made'),
  updatedAt: Timestamp('When its name, description or rule last changed'),
})
export type DeviceSet = Static<typeof DeviceSet>

export const DeviceSetQuery = StrictObject({
  ...PageQuery,
  search: Type.Optional(Search('Beginning of the name; case is free')),
})
export type DeviceSetQuery = Static<typeof DeviceSetQuery>

export const DeviceSetPage = StrictObject({ items: Type.Array(DeviceSet), nextAfter: NextAfter })
export type DeviceSetPage = Static<typeof DeviceSetPage>

export const DeviceSetParams = StrictObject({ deviceSetId: Guid('Unit or device group') })
export type DeviceSetParams = Static<typeof DeviceSetParams>

export const DeviceSetMember = StrictObject({
  id: Guid('Device'),
  name: Type.String({ description: 'Computer name' }),
  addedAt: Timestamp('Since when it has been a member'),
})
export type DeviceSetMember = Static<typeof DeviceSetMember>

export const DeviceSetMemberPage = StrictObject({
  items: Type.Array(DeviceSetMember),
  nextAfter: NextAfter,
})
export type DeviceSetMemberPage = Static<typeof DeviceSetMemberPage>

export const PreviewMembershipRule = StrictObject({ membershipRule: MembershipRule })
export type PreviewMembershipRule = Static<typeof PreviewMembershipRule>

export const MembershipRulePreview = StrictObject({
  membershipRule: Type.String({ description: 'The rule as it is understood, fully bracketed' }),
  deviceCount: Type.Integer({
    minimum: 0,
    description: 'Devices that it selects now, of those that the caller may see',
  }),
  devices: Type.Array(
    StrictObject({ id: Guid('Device'), name: Type.String({ description: 'Computer name' }) }),
    { description: `The first ${LIMITS.rulePreviewNamesMax} of them by name` },
  ),
})
export type MembershipRulePreview = Static<typeof MembershipRulePreview>
