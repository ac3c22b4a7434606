/**
 * The closed vocabularies of the API. Windows' names in camelCase where Windows has the thing
 * (`Get-BitLockerVolume`, `Win32_EncryptableVolume`); one word per thing (architecture §1).
 */
import { OneOf } from './fields.ts'

export const VolumeType = OneOf(
  ['operatingSystem', 'fixed', 'removable'],
  'What the volume is to its device',
)

export const VolumeStatus = OneOf(
  [
    'fullyDecrypted',
    'fullyEncrypted',
    'encryptionInProgress',
    'decryptionInProgress',
    'encryptionSuspended',
    'decryptionSuspended',
    'fullyEncryptedWipeInProgress',
    'fullyEncryptedWipeSuspended',
    'unknown',
  ],
  'Conversion state as `Get-BitLockerVolume` names it; `unknown` for a locked volume',
)

export const Protection = OneOf(
  ['on', 'off', 'unknown'],
  '`off` also when protection is suspended by a clear key',
)

export const ProtectorType = OneOf(
  [
    'recoveryPassword',
    'tpm',
    'tpmAndPin',
    'tpmAndStartupKey',
    'tpmAndPinAndStartupKey',
    'startupKey',
    'password',
    'clearKey',
    'publicKey',
    'unknown',
  ],
  'Kind of key protector; anything else is `unknown`',
)

/** How far the server knows that a stored key opens the volume. */
export const ProofState = OneOf(
  ['attested', 'pending', 'verified', 'mismatch'],
  '`attested`: the device says so; `pending`: the on-disk entry waits to be checked; ' +
    '`verified`: the key unwraps the volume master key of the on-disk entry; `mismatch`: it does not',
)

export const KeyState = OneOf(
  ['active', 'superseded'],
  '`superseded` once the device reported the protector gone from the disk',
)

export const RotationState = OneOf(
  ['requested', 'delivered', 'inProgress', 'done', 'failed', 'notSupported'],
  '`done` only by a check-in that proves it from the disk',
)

export const RotationTrigger = OneOf(
  ['disclosure', 'mismatch', 'byHand', 'retry', 'ownerChange'],
  'Why the recovery password is to be replaced',
)

export const ExposureState = OneOf(
  ['open', 'closed'],
  'Open from the disclosure until the disk proves the replacement',
)

export const DisclosureState = OneOf(
  ['requested', 'shown', 'failed'],
  '`requested` without an outcome means that the server stopped in between: count it as shown',
)

/** Why a person looks at a key. The list is short so that people choose truthfully. */
export const ReasonCode = OneOf(
  [
    'recoveryScreen',
    'hardwareChange',
    'firmwareUpdate',
    'osUpdate',
    'forgottenPin',
    'lostStartupKey',
    'dataRecovery',
    'deviceReturn',
    'investigation',
    'drill',
    'other',
  ],
  'Why the key is needed; `other` needs a text',
)

export const AuditOutcome = OneOf(
  ['success', 'denied', 'failed'],
  'What came of it: entries record outcomes, not attempts',
)

export const ActorType = OneOf(
  ['user', 'app', 'device', 'system', 'anonymous', 'administrator'],
  'Who did it; `system` is the service itself, `administrator` is in entries of a version without sign-in',
)
