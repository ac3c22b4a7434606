/**
 * What is wrong with a SCIM request, in the form of RFC 7644 §3.12: `scimType` tells the client's
 * mistakes apart. It is an AppError of the contract's catalogue; `http/problem.ts` answers it.
 */

import type { ErrorCode } from '@keydesk/contract'
import { AppError } from '../errors.ts'

/** RFC 7644 §8.1 */
export const SCIM_TYPE = 'application/scim+json'

const ERROR_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:Error'

/** RFC 7644 table 9, those that this server uses. */
export type ScimErrorType =
  | 'invalidFilter'
  | 'tooMany'
  | 'uniqueness'
  | 'mutability'
  | 'invalidSyntax'
  | 'invalidPath'
  | 'noTarget'
  | 'invalidValue'

export interface ScimErrorBody {
  readonly schemas: readonly [typeof ERROR_SCHEMA]
  /** RFC 7644 has it as a string. */
  readonly status: string
  readonly scimType?: ScimErrorType
  readonly detail: string
}

/** `detail` names attributes and IDs of ours, never values that a client sent. */
export class ScimError extends AppError {
  readonly scimType: ScimErrorType

  constructor(scimType: ScimErrorType, detail: string) {
    super(scimType === 'uniqueness' ? 'NAME_TAKEN' : 'INVALID_REQUEST', detail)
    this.scimType = scimType
  }
}

/** What other parts of the server throw, as SCIM knows it. */
const TYPE_OF_CODE: { readonly [code in ErrorCode]?: ScimErrorType } = {
  INVALID_REQUEST: 'invalidValue',
  INVALID_JSON: 'invalidSyntax',
  NAME_TAKEN: 'uniqueness',
}

export function scimErrorBody(error: AppError): ScimErrorBody {
  const scimType = error instanceof ScimError ? error.scimType : TYPE_OF_CODE[error.code]
  return {
    schemas: [ERROR_SCHEMA],
    status: String(error.status),
    ...(scimType === undefined ? {} : { scimType }),
    detail: error.message,
  }
}
