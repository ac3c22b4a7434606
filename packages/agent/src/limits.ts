/**
 * Every bound of the agent, with the reason for its value. The agent runs on every PC and talks to
 * a network that it does not trust, so nothing that comes from outside is read without one.
 */
export const AGENT_LIMITS = {
  /** A state file holds a few hundred receipts of about 600 bytes; anything larger is not ours. */
  stateFileBytes: 1024 * 1024,
  /** A token file holds one line; a larger one is the wrong file. */
  tokenFileBytes: 4096,
  /** `pc.json` and the side file of a sample PC; both are small and hand-readable. */
  pcDescriptionBytes: 64 * 1024,
  /** A startup key file is 156 or 180 bytes. */
  startupKeyBytes: 1024,
  /** Windows has 26 drive letters; more volumes than this in one report is an error. */
  volumesPerDevice: 32,
  /** Answers of the service: the largest is a check-in with actions for every volume. */
  responseBytes: 256 * 1024,
  /** One answer; a slow mobile network needs seconds, a dead one should not hold the round. */
  requestTimeoutMs: 30_000,
  /** A code for a sign-in lasts ten minutes or so; nobody waits longer than an hour. */
  signInSecondsMax: 3600,
  /** Tries of one request in one round. After that the loop's own pause takes over. */
  requestAttempts: 4,
  /** First ceiling of the pause between two tries; doubles with each try. */
  retryBaseMs: 1000,
  /** No pause inside a round is longer; a longer Retry-After ends the round instead. */
  retryPauseMs: 20_000,
  /**
   * Ceiling of the pause between two failed rounds: a recovered service sees every PC in an hour.
   */
  loopPauseMs: 60 * 60_000,
  /** A Retry-After beyond a day is taken as a day, or a wrong header would silence the PC. */
  retryAfterMs: 24 * 60 * 60_000,
  /** Shortest and longest check-in interval that the service may ask for. */
  checkInSecondsMin: 10,
  checkInSecondsMax: 24 * 60 * 60,
  /** A corrected clock offset beyond this (30 years) is a wrong header, not a flat CMOS battery. */
  clockOffsetMs: 30 * 365 * 24 * 60 * 60_000,
  /** Receipts of protectors that are gone from the disk, kept for `status` and for support. */
  pastReceipts: 64,
  /** Finished actions that are kept for `status`. */
  pastResults: 32,
  /** Actions taken from one check-in; the rest comes again with the next one. */
  actionsPerCheckIn: 32,
  /**
   * Recovery passwords of one volume that the service will not take. Each makes the agent add a
   * fresh one; a service that refuses them all must not fill the metadata of the disk.
   */
  disputedProtectorsPerVolume: 3,
} as const
