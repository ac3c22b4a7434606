/**
 * Every bound on input that this package accepts, with its reason. Sizes that the format itself
 * fixes are in metadata-copy.ts. Invariant: a parser allocates and loops only within these bounds,
 * whatever the input says.
 */
export const BITLOCKER_LIMITS = {
  /** 48 digits and separators; a keyboard may add blanks, but a pasted page is not searched. */
  recoveryPasswordCharacters: 128,
  /** A GUID with braces has 38 characters; the rest is room for blanks. */
  recoveryKeyIdCharacters: 64,
  /** The recovery screen's short form; fewer characters would match by chance. */
  recoveryKeyIdPrefixMinCharacters: 8,
  /** BitLocker takes passphrases of 8 to 256 characters. */
  passphraseCharacters: 256,
  /** About 0.4 s each: a volume with 250 salts must not cost minutes. */
  stretchesPerUnlock: 32,
  /** Windows itself stops far below this; it keeps lists, answers and screens short. */
  protectorsPerVolume: 256,
  /** A recovery password protector has 300 to 400 bytes. A bare entry comes over the network. */
  protectorEntryBytes: 4096,
  /** Windows writes 156 or 180 bytes. */
  startupKeyFileBytes: 4096,
  /** The metadata takes 264 KiB; in less than 1 MiB no file system would be left worth having. */
  newVolumeMinBytes: 1_048_576,
  /** 64 TiB, NTFS's own bound with 16 KiB clusters; far inside what a double holds exactly. */
  volumeMaxBytes: 2 ** 46,
  /** Windows writes `HOST LABEL DATE`; the whole block must stay small. */
  descriptionCharacters: 255,
  /** Recovery passwords of a new volume; each costs a stretch. */
  newRecoveryPasswords: 16,
} as const
