/** Asks a service where to sign in (`GET /api/v1/sign-in-info`), without any credentials. */
import type { SignInInfo } from '@keydesk/contract'
import { interruption } from '../interruption.ts'
import { asJson, readAnswer } from './read-answer.ts'
import { refusal, serviceFailure } from './service-error.ts'

/** Throws CommandError SERVER_UNREACHABLE, SERVER_ANSWER or the service's own code. */
export async function fetchSignInInfo(server: string): Promise<SignInInfo> {
  const answer = await readAnswer(`${server}/api/v1/sign-in-info`, {}, interruption())
  const info = asJson(answer)
  if (answer.status !== 200) throw refusal(answer.status, info)
  if (typeof info !== 'object' || info === null || !('issuer' in info)) {
    throw serviceFailure('SERVER_ANSWER', `${server} is not a Keydesk service`)
  }
  return info as SignInInfo
}
