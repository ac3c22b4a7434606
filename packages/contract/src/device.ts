/**
 * What a device says about itself: its word, which nobody verifies. A membership rule goes by it,
 * so a device can choose which rules select it (docs/spec/membership-rules.md).
 */
import { Type, type Static } from 'typebox'
import { OneOf, StrictObject, Text } from './fields.ts'
import { LIMITS } from './limits.ts'

export const DeviceFacts = StrictObject({
  name: Text(LIMITS.deviceNameLengthMax, 'Computer name'),
  serialNumber: Type.Optional(Text(LIMITS.deviceFactLengthMax, 'Serial number from the firmware')),
  manufacturer: Type.Optional(Text(LIMITS.deviceFactLengthMax, 'System manufacturer')),
  model: Type.Optional(Text(LIMITS.deviceFactLengthMax, 'System model')),
  osVersion: Type.Optional(
    Text(LIMITS.deviceFactLengthMax, 'Windows version, for example `11 24H2`'),
  ),
  osBuild: Type.Optional(Text(LIMITS.deviceFactLengthMax, 'Windows build, for example `26100.1`')),
  joinType: Type.Optional(
    OneOf(['entra', 'hybrid', 'domain', 'workgroup', 'unknown'], 'How the device is joined'),
  ),
})
export type DeviceFacts = Static<typeof DeviceFacts>
