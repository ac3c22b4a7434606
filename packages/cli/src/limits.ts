/** Every bound on what the command takes from outside, with its reason. */

/** A text file that Windows saved has about 1.5 KB; anything larger is the wrong file. */
export const PASSWORD_FILE_BYTES_MAX = 65_536

/** Windows writes 156 or 180 bytes; the parser refuses what is not exactly a startup key. */
export const STARTUP_KEY_FILE_BYTES_MAX = 4_096

/** A partition table that findVolumes accepts has fewer; a longer number is a slip. */
export const PARTITION_NUMBER_MAX = 1_024

/** The smallest volume that @keydesk/bitlocker makes: metadata takes 320 KiB of it. */
export const VOLUME_BYTES_MIN = 2 ** 20

/** The largest one: 64 TiB, NTFS's own bound. */
export const VOLUME_BYTES_MAX = 2 ** 46
