/**
 * The enrolment token, from a file or from standard input: never from an argument, which every user
 * of the machine can see in the list of processes. No message repeats any of it.
 */
import { LIMITS } from '@keydesk/contract'
import { AgentError, reasonOf } from './errors.ts'
import { AGENT_LIMITS } from './limits.ts'
import { readBoundedFile } from './read-bounded-file.ts'

const PREFIX = 'keydesk_enroll_'

/** `source` is a path, or `-` for standard input. Throws AgentError TOKEN_FILE. */
export async function readToken(source: string, stdin: () => Promise<string>): Promise<string> {
  const text = source === '-' ? await stdin() : await readFile(source)
  const token = text.split('\n', 1)[0]?.trim() ?? ''
  if (!token.startsWith(PREFIX) || token.length > LIMITS.enrollmentTokenLengthMax) {
    throw new AgentError(
      'TOKEN_FILE',
      `${source === '-' ? 'Standard input' : source} holds no enrolment token ` +
        `(one line that begins with ${PREFIX}).`,
    )
  }
  return token
}

async function readFile(path: string): Promise<string> {
  try {
    return new TextDecoder().decode(await readBoundedFile(path, AGENT_LIMITS.tokenFileBytes))
  } catch (error) {
    throw new AgentError('TOKEN_FILE', `The token file cannot be read: ${reasonOf(error)}`, {
      cause: error,
    })
  }
}
