/**
 * The refusal of a sign-in that is not strong or not recent enough, with the challenge that tells a
 * client what to ask of the issuer (RFC 9470 §3).
 */

import { AppError } from '../errors.ts'

export interface StepUp {
  /** A sentence of this server: it is quoted in a header. */
  readonly detail: string
  /** Any of these will do; none at all: the challenge does not say. */
  readonly acrValues: readonly string[]
  readonly maxAgeSeconds?: number
}

export function stepUpRequired({ detail, acrValues, maxAgeSeconds }: StepUp): AppError {
  const parameters = [
    'error="insufficient_user_authentication"',
    `error_description="${detail}"`,
    ...(maxAgeSeconds === undefined ? [] : [`max_age="${maxAgeSeconds}"`]),
    ...(acrValues.length === 0 ? [] : [`acr_values="${acrValues.join(' ')}"`]),
  ]
  return new AppError('STEP_UP_REQUIRED', detail, { challenge: `Bearer ${parameters.join(', ')}` })
}
