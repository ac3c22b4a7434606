/**
 * Every bound on what the command itself takes from outside, with its reason. Those of volumes and
 * startup keys are in @keydesk/bitlocker.
 */

/** A text file that Windows saved has about 1.5 KB; anything larger is the wrong file. */
export const PASSWORD_FILE_BYTES_MAX = 65_536

/** A partition table that findVolumes accepts has fewer; a longer number is a slip. */
export const PARTITION_NUMBER_MAX = 1_024
