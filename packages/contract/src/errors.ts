/**
 * The catalogue of coded errors: what a client may rely on. Source of truth for docs/errors.md and
 * docs/http-status.md (a test compares them both ways). A code is never renamed or given another
 * meaning; its text may improve. Errors travel as RFC 9457 `application/problem+json`.
 */
import { Type, type Static } from 'typebox'

export const ERROR_CODES = {
  // The request itself.
  INVALID_REQUEST: { status: 400, title: 'The request does not have the documented form' },
  INVALID_JSON: { status: 400, title: 'The body is not valid JSON' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The body must be application/json' },
  BODY_TOO_LARGE: { status: 413, title: 'The body is larger than the server accepts' },
  ROUTE_NOT_FOUND: { status: 404, title: 'There is no such route' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The route does not have this method' },
  NOT_FOUND: { status: 404, title: 'Not found' },

  // Who is asking.
  UNAUTHENTICATED: { status: 401, title: 'Credentials are missing or not valid' },
  STEP_UP_REQUIRED: { status: 401, title: 'This needs a sign-in of just now' },
  FORBIDDEN: { status: 403, title: 'These credentials do not allow this' },
  SIGN_IN_FAILED: { status: 400, title: 'The sign-in could not be finished' },
  SIGN_IN_REFUSED: { status: 403, title: 'This person may not sign in' },
  REQUEST_FORGED: { status: 403, title: 'The request may come from a page of another site' },
  LAST_ADMINISTRATOR: { status: 409, title: 'There must always be an administrator' },
  ALREADY_ASSIGNED: { status: 409, title: 'This role assignment is there already' },
  DEVICE_UNAUTHORIZED: { status: 401, title: 'The device request is not valid' },
  CLOCK_SKEW: { status: 401, title: 'The device clock differs too much from the server clock' },
  REQUEST_NOT_BOUND: { status: 401, title: 'The token was made for another request' },
  REQUEST_REPLAYED: { status: 401, title: 'This request was already received' },

  // Enrolment.
  ENROLLMENT_TOKEN_INVALID: { status: 403, title: 'The enrolment token is not valid' },
  ENROLLMENT_SIGN_IN_INVALID: { status: 403, title: 'The sign-in does not enrol a device' },
  ENROLLMENT_SIGN_IN_OFF: { status: 403, title: 'Devices are not enrolled by a sign-in here' },
  ENROLLMENT_DEVICE_LIMIT: {
    status: 409,
    title: 'This person has enrolled as many devices as allowed',
  },

  // Escrow.
  SEALED_KEY_INVALID: { status: 422, title: 'The sealed key cannot be opened' },
  VAULT_KEY_UNKNOWN: {
    status: 422,
    title: 'The key was sealed to a vault key that this server lacks',
  },
  PROTECTOR_CONFLICT: {
    status: 409,
    title: 'A different key is already escrowed for this protector',
  },
  DEVICE_KEY_LIMIT: { status: 409, title: 'The device has as many keys stored as it may' },

  // Recovery.
  KEY_ID_AMBIGUOUS: { status: 409, title: 'More than one device has a key with this ID' },
  KEY_UNREADABLE: { status: 500, title: 'The stored key cannot be opened' },
  DISCLOSURE_BUDGET_EXCEEDED: { status: 429, title: 'Too many disclosures for now' },
  SELF_SERVICE_REFUSED: { status: 403, title: 'The rules of self-service do not allow this' },
  APPROVAL_REQUIRED: { status: 403, title: 'A second person must approve first' },
  APPROVAL_INVALID: { status: 403, title: 'The approval does not allow this disclosure' },
  APPROVAL_CLOSED: { status: 409, title: 'The request for approval is not open any more' },
  APPROVER_NOT_INDEPENDENT: {
    status: 403,
    title: 'The second person must be neither who asks nor the owner',
  },
  AUDIT_UNAVAILABLE: { status: 503, title: 'The audit entry could not be written' },

  // Rotation.
  NOTHING_TO_ROTATE: { status: 409, title: 'No stored recovery password matches' },

  // The directory.
  PRECONDITION_FAILED: { status: 412, title: 'It has changed since it was read' },
  CREDENTIAL_LIMIT: { status: 409, title: 'The app has as many credentials as it may' },
  NAME_TAKEN: { status: 409, title: 'Another one has this name' },
  IN_USE: { status: 409, title: 'Something else still refers to it' },
  MEMBERSHIP_RULE_INVALID: { status: 422, title: 'The membership rule is not valid' },
  MEMBERS_BY_RULE: { status: 409, title: 'A rule decides on these members' },
  CSV_INVALID: { status: 400, title: 'The CSV file cannot be read' },

  // The service.
  TOO_MANY_REQUESTS: { status: 429, title: 'Too many requests' },
  ISSUER_UNAVAILABLE: { status: 503, title: 'The service where people sign in cannot be reached' },
  DATABASE_UNAVAILABLE: { status: 503, title: 'The database cannot be reached' },
  SHUTTING_DOWN: { status: 503, title: 'The server is stopping' },
  INTERNAL_ERROR: { status: 500, title: 'The server failed' },
} as const satisfies Record<string, { status: number; title: string }>

export type ErrorCode = keyof typeof ERROR_CODES

/**
 * RFC 9457 problem details. `detail` says what is wrong and what to do; it never holds a secret.
 */
export const Problem = Type.Object(
  {
    type: Type.String({
      description: 'URI reference that names the kind of problem: `/docs/errors#CODE`',
    }),
    title: Type.String({ description: 'The same short sentence for every occurrence' }),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String({ description: 'What is wrong this time, and what to do about it' }),
    code: Type.String({ description: 'Stable name of the error, see docs/errors.md' }),
    requestId: Type.String({ description: 'The same ID is in the log lines of this request' }),
    condition: Type.Optional(
      Type.String({ description: 'Which of several conditions failed, for programs' }),
    ),
  },
  { additionalProperties: true },
)
export type Problem = Static<typeof Problem>
