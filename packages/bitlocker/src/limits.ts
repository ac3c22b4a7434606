/**
 * Every bound on input that this package accepts, with its reason. Source of truth for the format's own sizes:
 * docs/spec/fve-metadata.md. Invariant: a parser allocates and loops only within these bounds, whatever the input says.
 */

/** 48 digits plus separators; a phone's keyboard may add blanks and wide dashes, a pasted page must not be searched. */
export const MAX_RECOVERY_PASSWORD_TEXT = 128

/** A GUID with braces is 38 characters; the rest is room for blanks. */
export const MAX_RECOVERY_KEY_ID_TEXT = 64

/** The recovery screen's short form; fewer characters would match by chance. */
export const MIN_RECOVERY_KEY_ID_PREFIX = 8

/** Size of one metadata copy on the disk, fixed by the format. */
export const METADATA_REGION_SIZE = 65_536

/** Information header, dataset header and no datum at all: nothing smaller can be a block. */
export const MIN_BLOCK_SIZE = 112

/** The 88 bytes of the validation area must fit behind the block. */
export const MAX_BLOCK_SIZE = METADATA_REGION_SIZE - 88

/** One stretch costs about 0.4 s; a hostile volume with 1,800 protectors must not cost a quarter of an hour. */
export const MAX_STRETCHES = 32

/** Windows itself stops far below this; it keeps lists, answers and screens short. */
export const MAX_PROTECTORS = 256

/** A recovery password protector is 300 to 400 bytes; a public key one 700. A bare entry arrives over the network. */
export const MAX_PROTECTOR_ENTRY = 4_096

/** Windows writes 156 or 180 bytes. */
export const MAX_STARTUP_KEY_FILE = 4_096

/** BitLocker takes passphrases of 8 to 256 characters. */
export const MAX_PASSWORD_LENGTH = 256

/** Two reserved areas and the relocated header take 320 KiB; below 1 MiB nothing useful is left. */
export const MIN_VOLUME_SIZE = 1_048_576

/** 64 TiB, NTFS's own bound with 16 KiB clusters; far inside the integers that a double holds exactly. */
export const MAX_VOLUME_SIZE = 2 ** 46

/** Windows writes `HOST LABEL DATE`; the whole block must stay small. */
export const MAX_DESCRIPTION_LENGTH = 255

/** Protectors that one call of createVolume makes; each costs a stretch. */
export const MAX_NEW_RECOVERY_PASSWORDS = 16
