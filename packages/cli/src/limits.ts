/**
 * Every bound on what the command itself takes from outside, with its reason. Those of volumes and
 * startup keys are in @keydesk/bitlocker.
 */

/** A text file that Windows saved has about 1.5 KB; anything larger is the wrong file. */
export const PASSWORD_FILE_BYTES_MAX = 65_536

/** A partition table that findVolumes accepts has fewer; a longer number is a slip. */
export const PARTITION_NUMBER_MAX = 1_024

/** A sign-in is about 4 KB of tokens; anything larger is not ours. */
export const SESSION_FILE_BYTES_MAX = 1_048_576

/** Longer than renewing a token, with all of its time-outs, can take. */
export const SESSION_LOCK_STALE_MS = 90_000

/** A command that waits longer than this for another one says so. */
export const SESSION_LOCK_WAIT_MS = 60_000

/** One request to the service or the issuer: seconds on a slow network, for ever on a dead one. */
export const REQUEST_TIMEOUT_MS = 30_000

/** An answer of the service: the largest is the CSV export of a directory. */
export const ANSWER_BYTES_MAX = 256 * 1_048_576

/** A client secret is a line. */
export const SECRET_FILE_BYTES_MAX = 4_096

/** A CSV file to import; the service has its own, smaller bound. */
export const CSV_FILE_BYTES_MAX = 64 * 1_048_576
