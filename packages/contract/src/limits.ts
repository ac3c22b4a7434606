/**
 * Every bound of the HTTP API and its formats, with the reason for its value. Documented in
 * docs/limits.md (a test compares the two). Both sides import these, so an agent never sends what
 * the server must refuse.
 */
export const LIMITS = {
  /** The biggest honest body is a check-in of a PC with some dozens of volumes: about 60 KiB. */
  bodyBytesMax: 256 * 1024,
  /** Every other body: an escrow with its on-disk entry is 6 KiB. A stranger can send no more. */
  smallBodyBytesMax: 16 * 1024,
  /** A device request token is about 600 characters; with an embedded key about 750. */
  requestTokenLengthMax: 2048,
  /**
   * A device request is made for one request now; five minutes covers a slow link and a retry
   * queue.
   */
  requestLifetimeSecondsMax: 300,
  /**
   * Clocks of PCs that are in order agree within seconds; a minute keeps the replay memory short.
   */
  clockToleranceSeconds: 60,
  /** A request identifier is 128 random bits, 22 base64url characters. */
  requestIdLength: 22,
  /** Windows names are at most 63 (DNS) characters; other systems allow 255. */
  deviceNameLengthMax: 255,
  /** Free text that firmware reports: serial number, manufacturer, model, versions. */
  deviceFactLengthMax: 128,
  /** A drive letter, or a volume GUID path of 49 characters, or a mount folder (MAX_PATH). */
  mountPointLengthMax: 260,
  /** More volumes than a PC has drive letters, and room for folders used as mount points. */
  volumesPerCheckInMax: 64,
  /**
   * A volume in the field has two to five protectors; BitLocker's metadata area cannot hold many
   * more than this.
   */
  protectorsPerVolumeMax: 32,
  /**
   * Active recovery keys that one device may have stored: every protector of the largest check-in.
   * Keys that arrive in one moment may pass it by two batches, 128.
   */
  activeKeysPerDeviceMax: 2048,
  /** A protector's on-disk datum is about 300 bytes; nested public-key data may reach a few KiB. */
  protectorEntryBytesMax: 4096,
  /**
   * States of actions that one check-in may report: one for each protector of the largest check-in
   * would be absurd.
   */
  actionReportsPerCheckInMax: 128,
  /** A machine-readable cause such as an HRESULT in hexadecimal or one of the agent's own codes. */
  detailCodeLengthMax: 64,
  /**
   * How often an agent reports when nothing happens: hourly keeps a million devices at 278 requests
   * a second.
   */
  checkInIntervalSeconds: 3600,
  /** A sealed key, version 1: 1 + 32 + 65 + 32 bytes (docs/spec/sealed-key.md). */
  sealedKeyBytes: 130,
  /** A receipt is about 600 characters. */
  receiptLengthMax: 2048,
  /** Enrolment tokens: prefix and 32 random bytes in base64url. */
  enrollmentTokenLengthMax: 128,
  /** A note that people choose, such as the name of a token or a group. */
  labelLengthMax: 100,
  /** One token may enrol the largest fleet we plan for. */
  enrollmentTokenUsesMax: 1_000_000,
  /**
   * A year: long enough for an image in deployment, short enough that a lost token dies by itself.
   */
  enrollmentTokenLifetimeSecondsMax: 366 * 24 * 3600,
  /** What a person writes as a reason. */
  reasonTextLengthMax: 1000,
  /** Ticket numbers of the systems in use are shorter than 40 characters. */
  ticketLengthMax: 64,
  /** What people type to find a device. */
  searchLengthMax: 100,
  /** Recovery key ID search: 8 hexadecimal characters is what the recovery screen prints first. */
  keyIdPrefixLengthMin: 8,
  /** Rows in one page of a list. */
  pageSizeMax: 200,
  /** Rows in one page where the client does not say. */
  pageSizeDefault: 50,
  /** Opaque cursors are short; anything longer is not ours. */
  cursorLengthMax: 512,
  /** Audit entries in one answer: about 1 MB of JSON. */
  auditPageSizeMax: 1000,
  /** How long a client may show a recovery password before it must hide it. */
  disclosureShownSeconds: 300,
  /** Rotations opened by one request by hand: every recovery password of the largest device. */
  rotationsPerRequestMax: 256,
} as const
