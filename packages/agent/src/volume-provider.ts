/**
 * What the agent asks of the system that holds the BitLocker volumes. Two systems: the `image`
 * provider (a sample PC, packages/agent/src/image) and, later, Windows.
 * Source of truth for the Windows side: `Win32_EncryptableVolume` in the WMI name space
 * `Root\CIMV2\Security\MicrosoftVolumeEncryption`; each method below names its calls.
 *
 * Invariants every provider keeps:
 * - Only numerical-password protectors (type 3) are ever added or removed. TPM, PIN, start-up key,
 *   password and certificate protectors stay as they are, and `encrypt` adds what boots the PC only
 *   where nothing does yet: a TPM protector next to TPM+PIN would silently drop the PIN.
 * - A call that returned has taken effect and is durable. A call that threw may have taken effect
 *   all the same (the power went); the agent looks at the disk again before it goes on.
 * - Nothing is cached between two calls.
 */

import type {
  CheckInRequest,
  DevicePolicy,
  ReportedProtector,
  ReportedVolume,
} from '@keydesk/contract'

/** `VolumeStatus` of `Get-BitLockerVolume` in camelCase; `unknown` for a locked volume. */
export type VolumeStatus = ReportedVolume['status']

export type VolumeType = ReportedVolume['volumeType']

/** `GetKeyProtectorType` 1-10; type 2, an external key, is `startupKey`, as on the screens. */
export type ProtectorType = ReportedProtector['type']

/** The methods that a policy may ask for in a new encryption. */
export type NewEncryptionMethod = DevicePolicy['encryptionMethod']

export interface ProviderProtector {
  /** GUID, lower case, without braces. */
  readonly id: string
  readonly type: ProtectorType
  /** The protector's whole metadata entry as it is on the disk; absent where it cannot be read. */
  readonly entry?: Uint8Array
}

export interface ProviderVolume {
  /**
   * GUID that names the volume before and after its encryption. Windows: the GUID in `DeviceID`
   * (`\\?\Volume{…}\`); `PersistentVolumeID` does not exist before the encryption.
   */
  readonly id: string
  readonly type: VolumeType
  /** `C:`; absent for a volume without a drive letter. */
  readonly mountPoint?: string
  readonly status: VolumeStatus
  /** `unknown` while the volume is locked. */
  readonly protection: 'on' | 'off' | 'unknown'
  readonly lock: 'locked' | 'unlocked'
  /** `xts-aes-256` and so on, as the contract spells them. */
  readonly encryptionMethod?: string
  /**
   * Every protector, or `null` when the list could not be read. `null` proves nothing: the agent
   * neither concludes that a protector is gone nor changes the volume.
   */
  readonly protectors: readonly ProviderProtector[] | null
}

/** What the device says about itself; everything but its name may be unknown. */
export type DeviceDescription = CheckInRequest['device']

/** A protector of a volume; an object, because two GUIDs as arguments could be swapped. */
export interface ProtectorName {
  readonly volumeId: string
  readonly protectorId: string
}

export interface VolumeProvider {
  /** As `--provider` names it. */
  readonly type: 'image'

  /**
   * Windows: `Win32_ComputerSystem` (Name, Manufacturer, Model), `Win32_BIOS` (SerialNumber),
   * `Win32_OperatingSystem` (Version, BuildNumber).
   */
  describeDevice(): Promise<DeviceDescription>

  /**
   * Every volume that BitLocker could protect, with its protectors.
   * Windows, per instance of `Win32_EncryptableVolume`: `VolumeType`, `DriveLetter`,
   * `GetConversionStatus`, `GetProtectionStatus`, `GetLockStatus`, `GetEncryptionMethod`,
   * `GetKeyProtectors(0)` and `GetKeyProtectorType` of each. A volume of which `GetKeyProtectors`
   * fails with anything but FVE_E_NOT_ACTIVATED (no protector yet) has `protectors: null`.
   * Errors: DEVICE_FAILED. Changes nothing.
   */
  listVolumes(): Promise<ProviderVolume[]>

  /**
   * Add a recovery password that the provider draws from a CSPRNG. On a volume that is not
   * encrypted it is prepared and comes into force with the encryption.
   * Windows: `ProtectKeyWithNumericalPassword()` without a password: random.
   * Errors: VOLUME_NOT_FOUND; VOLUME_LOCKED (FVE_E_LOCKED_VOLUME); METADATA_FULL
   * (FVE_E_METADATA_FULL, FVE_E_DATASET_FULL); POLICY_FORBIDS
   * (FVE_E_POLICY_RECOVERY_PASSWORD_NOT_ALLOWED); NOT_SUPPORTED (a state in which the metadata must
   * not be written); DEVICE_FAILED.
   * Not idempotent: every call that takes effect adds one more. The agent therefore notes the
   * protectors of the volume durably first and looks for a new one before it calls again.
   */
  addRecoveryPassword(volumeId: string): Promise<{ protectorId: string }>

  /**
   * The 16-byte recovery key of a recovery password that is on the volume (or prepared for it). The
   * caller owns the bytes and wipes them.
   * Windows: `GetKeyProtectorNumericalPassword(id)`, parsed.
   * Errors: VOLUME_NOT_FOUND; VOLUME_LOCKED (FVE_E_LOCKED_VOLUME); PROTECTOR_NOT_FOUND
   * (FVE_E_PROTECTOR_NOT_FOUND, FVE_E_NOT_ACTIVATED); NOT_A_RECOVERY_PASSWORD (E_INVALIDARG);
   * DEVICE_FAILED. Changes nothing.
   */
  readRecoveryKey(name: ProtectorName): Promise<Uint8Array>

  /**
   * Remove one recovery password, and only one: any other type of protector is refused.
   * Windows: `GetKeyProtectorType(id)` must be 3, then `DeleteKeyProtector(id)`.
   * Errors: VOLUME_NOT_FOUND; VOLUME_LOCKED (FVE_E_LOCKED_VOLUME); NOT_A_RECOVERY_PASSWORD;
   * LAST_PROTECTOR (FVE_E_KEY_REQUIRED); NOT_SUPPORTED (FVE_E_VOLUME_BOUND_ALREADY and states in
   * which the metadata must not be written); DEVICE_FAILED.
   * Idempotent: a protector that is not there is success (FVE_E_NOT_ACTIVATED,
   * FVE_E_PROTECTOR_NOT_FOUND).
   */
  removeRecoveryPassword(name: ProtectorName): Promise<void>

  /**
   * Start the encryption of a fully decrypted volume, with every protector that it has or that is
   * prepared for it. The agent calls it only with a verified receipt on disk (promise P1).
   * Windows: `ProtectKeyWithTPM` on an operating system volume that has no protector of the types
   * 1, 2, 4, 5 or 6; `Encrypt(method)`; `EnableKeyProtectors`.
   * Errors: VOLUME_NOT_FOUND; NO_RECOVERY_PASSWORD (FVE_E_POLICY_PASSWORD_REQUIRED,
   * FVE_E_CANNOT_ENCRYPT_NO_KEY; this provider interface demands one always); NOT_SUPPORTED
   * (FVE_E_CLUSTERING_NOT_SUPPORTED, FVE_E_NOT_OS_VOLUME, no TPM: TBS_E_SERVICE_NOT_RUNNING);
   * DEVICE_FAILED.
   * Idempotent: a volume that is encrypted already, or being encrypted, is success.
   */
  encrypt(volumeId: string, options: { encryptionMethod: NewEncryptionMethod }): Promise<void>
}

export type ProviderErrorCode =
  | 'VOLUME_NOT_FOUND'
  | 'VOLUME_LOCKED'
  | 'PROTECTOR_NOT_FOUND'
  | 'NOT_A_RECOVERY_PASSWORD'
  | 'NO_RECOVERY_PASSWORD'
  | 'LAST_PROTECTOR'
  | 'METADATA_FULL'
  | 'POLICY_FORBIDS'
  | 'NOT_SUPPORTED'
  | 'DEVICE_FAILED'

/** What a provider throws. Never contains a recovery password or a key. */
export class ProviderError extends Error {
  readonly code: ProviderErrorCode

  constructor(code: ProviderErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ProviderError'
    this.code = code
  }
}
