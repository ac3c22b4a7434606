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
  /** Entra's with the groups of a person are up to 6 KB; a device's body may be 16 KiB. */
  accessTokenLengthMax: 8192,
  /** Two years, as Entra's portal allows at most: a secret that nobody replaces ends by itself. */
  appCredentialLifetimeSecondsMax: 731 * 24 * 3600,
  /** Active secrets and keys of one app: an old and a new one for each of a few places. */
  appCredentialsMax: 20,
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
  /** The longest address of RFC 5321 §4.5.3.1 with its domain; Entra allows 113. */
  userPrincipalNameLengthMax: 254,
  /** As in Entra: names of users, groups and units. */
  displayNameLengthMax: 256,
  /** As in Entra: what a group or a unit is for. */
  descriptionLengthMax: 1024,
  /** As in Entra: department, given name, family name. */
  personFactLengthMax: 64,
  /** Members that one request adds or removes; more are imported as CSV. */
  membersPerRequestMax: 1000,
  /** As in Entra: characters of a membership rule. */
  membershipRuleLengthMax: 3072,
  /** Brackets and `-not` within each other; what people write has two or three. */
  membershipRuleDepthMax: 32,
  /** One value in a rule: no attribute of a device is longer. */
  membershipRuleTextLengthMax: 255,
  /** Values of one `-in`, which people fill from lists. */
  membershipRuleListMax: 200,
  /** Administrative units and device groups with a rule: each is judged when a PC changes. */
  membershipRulesMax: 5000,
  /** Names that the preview of a rule shows. */
  rulePreviewNamesMax: 20,
  /** A CSV file of as many rows as it may have, 200 bytes each. */
  csvBytesMax: 20 * 1024 * 1024,
  /** The largest fleet that is kept by hand; more is provisioned. */
  csvRowsMax: 100_000,
  /** One field of a CSV file: the longest one is the device groups of a PC. */
  csvFieldLengthMax: 4096,
  /** Errors that an import names; the rest is counted. */
  csvErrorsMax: 100,
  /** NIST SP 800-63B-4 asks for 15 where a password is all there is, 8 with a second factor. */
  passwordLengthMin: 12,
  /** Long passphrases fit; a longer text would only cost time to hash. */
  passwordLengthMax: 256,
  /** A phone, a PC, two security keys, and some to spare. */
  passkeysPerUserMax: 10,
  /** A passkey's answer with its attestation is about 2 KiB. */
  passkeyAnswerLengthMax: 12_000,
  /** Codes for the day the phone is gone; each works once. */
  backupCodesCount: 10,
  /** A sign-in that takes longer starts again. */
  signInStepSecondsMax: 600,
  /** The first administrator is at the console right now; a new link is one command. */
  setupLinkSeconds: 24 * 3600,
  /** Invited people are on holiday for a week; after that it is invited again. */
  invitationSeconds: 7 * 24 * 3600,
  /** Somebody waits for it. */
  passwordResetSeconds: 24 * 3600,
  /**
   * A year: a lost provisioning token dies by itself; Entra and Okta take a new one in a minute.
   */
  provisioningTokenLifetimeSecondsMax: 366 * 24 * 3600,
  /** A SCIM user with every attribute that Entra can map is about 8 KiB. */
  scimUserBytesMax: 64 * 1024,
  /** A SCIM group with as many members as one request may have, about 80 bytes each. */
  scimGroupBytesMax: 1024 * 1024,
  /** Members, and PATCH operations, in one SCIM request; Entra sends a few at a time. */
  scimMembersPerRequestMax: 10_000,
  /**
   * Members that one SCIM answer lists: about 10 MB. Larger lists are asked for without members.
   */
  scimMembersPerAnswerMax: 50_000,
  /** Resources in one SCIM list; Okta asks for 100. */
  scimPageSizeMax: 200,
  /** Resources in one SCIM list where the client does not say. */
  scimPageSizeDefault: 100,
  /** A filter of Entra names two attributes of at most 254 characters. */
  scimFilterLengthMax: 2048,
  /** SCIM externalId: an object ID or a name of another directory. */
  externalIdLengthMax: 256,
  /** A budget beyond this bounds nothing. */
  budgetCountMax: 1_000_000,
  /** A request for approval: time enough to walk over to somebody. */
  approvalSecondsMin: 300,
  /** An hour: the person on the phone waits, and what was approved for now is not for later. */
  approvalSecondsDefault: 3600,
  /** A day: approvers in another time zone. */
  approvalSecondsMax: 24 * 3600,
  /** Open requests for approval of one person or program: nobody buries the approvers. */
  openApprovalRequestsMax: 20,
  /** Emergencies of one person that nobody reviewed yet: an exception does not become the rule. */
  unreviewedEmergenciesMax: 3,
  /** Approval rules: each disclosure looks at all of them that concern it. */
  approvalRulesMax: 1000,
  /** A year: a device that was not seen for longer is not a condition but an inventory. */
  selfServiceDaysMax: 366,
  /** Groups that override the switch of self-service. */
  selfServiceGroupsMax: 1000,
  /** A telephone number, an address, opening hours. */
  helpdeskContactLengthMax: 200,
  /** Pages of signing in from one address, some five each: an office comes at nine o'clock. */
  signInsPerMinuteMax: 600,
  /**
   * Address of a sign-in at the built-in issuer, with its parameters, in characters: the portal's
   * has six hundred. An ID token as the hint of a sign-out fits too.
   */
  issuerAddressLengthMax: 4096,
  /**
   * Requests for tokens from one address: a hundred scripts behind one that ask every few seconds.
   */
  tokenRequestsPerMinuteMax: 1200,
  /**
   * Codes of programs that one address enters: of 25 thousand million it finds none in the ten
   * minutes that one lives.
   */
  userCodesPerMinuteMax: 30,
  /** Open sessions in one list: a person has some browsers on some devices. */
  sessionsListedMax: 100,
  /** Rotations opened by one request by hand: every recovery password of the largest device. */
  rotationsPerRequestMax: 256,
} as const
