/**
 * `POST /device/v1/check-in`: the device's regular report, answered with policy, pending actions
 * and what is stored. A volume that is missing from the report, or whose `protectors` is null,
 * proves nothing about its protectors.
 */
import { Type, type Static } from 'typebox'
import { DeviceFacts } from './device.ts'
import { Base64Url, Guid, OneOf, StrictObject, Text, Timestamp } from './fields.ts'
import { LIMITS } from './limits.ts'
import {
  Protection,
  ProofState,
  ProtectorType,
  RotationTrigger,
  VolumeStatus,
  VolumeType,
} from './words.ts'

export const EncryptionMethod = Type.String({
  pattern: '^[A-Za-z0-9-]{1,40}$',
  description:
    'For example `xts-aes-256`, `xts-aes-128`, `aes-cbc-256`; open, since methods may come',
})

export const ReportedProtector = StrictObject({
  id: Guid('GUID of the protector'),
  type: ProtectorType,
  entry: Type.Optional(
    Base64Url(
      LIMITS.protectorEntryBytesMax,
      'On-disk datum; send it while the stored key of this protector is only `attested`',
    ),
  ),
})
export type ReportedProtector = Static<typeof ReportedProtector>

export const ReportedVolume = StrictObject({
  volumeId: Guid('GUID of the BitLocker volume'),
  volumeType: VolumeType,
  mountPoint: Type.Optional(Text(LIMITS.mountPointLengthMax, 'Drive letter or mount folder')),
  status: VolumeStatus,
  protection: Protection,
  encryptionMethod: Type.Optional(EncryptionMethod),
  protectors: Type.Union(
    [
      Type.Array(ReportedProtector, { maxItems: LIMITS.protectorsPerVolumeMax }),
      Type.Null({ description: 'The list could not be read, for example from a locked volume' }),
    ],
    { description: 'Every protector that is on the disk now, or null' },
  ),
})
export type ReportedVolume = Static<typeof ReportedVolume>

export const ActionReport = StrictObject({
  id: Guid('The action, as the server named it'),
  state: OneOf(
    ['inProgress', 'done', 'failed', 'notSupported'],
    'What became of it on the device. `done` is a claim: the protector lists are the proof',
  ),
  detailCode: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_.:-]+$',
      maxLength: LIMITS.detailCodeLengthMax,
      description: 'Cause in machine-readable form, such as `0x8031002F`',
    }),
  ),
})
export type ActionReport = Static<typeof ActionReport>

export const CheckInRequest = StrictObject({
  agentVersion: Text(LIMITS.deviceFactLengthMax, 'Version of the agent'),
  device: DeviceFacts,
  volumes: Type.Array(ReportedVolume, { maxItems: LIMITS.volumesPerCheckInMax }),
  actions: Type.Array(ActionReport, { maxItems: LIMITS.actionReportsPerCheckInMax }),
})
export type CheckInRequest = Static<typeof CheckInRequest>

export const PendingAction = StrictObject({
  id: Guid('Name of the action: the same until it is finished'),
  type: Type.Literal('rotateRecoveryPassword'),
  volumeId: Guid('Volume whose recovery password is to be replaced'),
  protectorId: Guid('Protector to be replaced'),
  trigger: RotationTrigger,
})
export type PendingAction = Static<typeof PendingAction>

export const DevicePolicy = StrictObject({
  requireEncryption: Type.Boolean({ description: 'Encrypt what is not encrypted' }),
  encryptionMethod: OneOf(['xts-aes-128', 'xts-aes-256'], 'Method for newly encrypted volumes'),
})
export type DevicePolicy = Static<typeof DevicePolicy>

export const CheckInResponse = StrictObject({
  policy: DevicePolicy,
  actions: Type.Array(PendingAction, {
    description: 'Everything due, again at every check-in until it is finished',
  }),
  keys: Type.Array(
    StrictObject({
      volumeId: Guid('Volume of the stored key'),
      protectorId: Guid('Protector of the stored key'),
      proof: ProofState,
    }),
    { description: 'The active stored keys of this device' },
  ),
  checkInIntervalSeconds: Type.Integer({
    minimum: 1,
    description: 'Seconds until the next regular check-in',
  }),
  serverTime: Timestamp('Time of the answer'),
})
export type CheckInResponse = Static<typeof CheckInResponse>
