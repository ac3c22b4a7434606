/** Every bound on what a partition table may ask for, with its reason. */

/**
 * Windows and sgdisk write 128 entries; a disk with more than 1,024 partitions has not been seen.
 */
export const MAX_GPT_ENTRIES = 1_024

/** UEFI 2.10 §5.3.2: an entry has 128 × 2^n bytes; no system uses more than 128. */
export const MAX_GPT_ENTRY_SIZE = 4_096

/** Both together, so that a hostile header costs at most this much memory. */
export const MAX_GPT_TABLE_SIZE = 1_048_576

/** Logical partitions of one MBR disk; Linux stops at 60, Windows at the drive letters. */
export const MAX_LOGICAL_PARTITIONS = 128
