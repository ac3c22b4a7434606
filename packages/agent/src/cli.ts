/**
 * `keydesk-agent`: the commands, as docs/agent.md describes them. Human output on standard output,
 * failures on standard error, `--json` for programs. Exit codes: errors.ts.
 */
import { Command, CommanderError, Option } from 'commander'
import { resolve } from 'node:path'
import type { Agent } from './agent.ts'
import type { AgentState } from './agent-state.ts'
import { enroll, type EnrollmentProof } from './enroll.ts'
import { AgentError } from './errors.ts'
import { imageProvider } from './image/image-provider.ts'
import { openAgent } from './open-agent.ts'
import { acquireProcessLock } from './process-lock.ts'
import { readToken } from './read-token.ts'
import { renderStatus } from './render-status.ts'
import { runLoop } from './run-loop.ts'
import { runRound } from './run-round.ts'
import type { RoundOptions, RoundReport } from './run-round.ts'
import { parseServerUrl } from './server-url.ts'
import type { ClientDeps } from './service-client.ts'
import { signIn } from './sign-in.ts'
import { stateStorage } from './state-file.ts'
import { readStatus } from './status.ts'
import { AGENT_VERSION } from './version.ts'
import { ProviderError } from './volume-provider.ts'

/** What a process gives to the commands; tests give their own. */
export interface CliEnvironment {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly stdin: () => Promise<string>
  readonly deps: ClientDeps
  readonly signal: AbortSignal
}

const EXIT_OK = 0
const EXIT_ATTENTION = 1
const EXIT_USAGE = 2
const EXIT_INTERRUPTED = 130

interface StateOptions {
  readonly state: string
  readonly json?: boolean
}

interface EnrollOptions extends StateOptions {
  readonly server: string
  readonly tokenFile?: string
  readonly signIn?: boolean
  readonly issuer?: string
  readonly pc: string
}

/** Never throws an expected failure: it is printed, and its exit code returned. */
export async function runCli(args: readonly string[], env: CliEnvironment): Promise<number> {
  let exitCode = EXIT_OK
  const program = buildProgram(env, (code) => {
    exitCode = code
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE
    if (env.signal.aborted) return EXIT_INTERRUPTED
    if (error instanceof AgentError) {
      env.err(`${error.message} [${error.code}]\n`)
      return error.exitCode
    }
    if (error instanceof ProviderError) {
      env.err(`${error.message} [${error.code}]\n`)
      return EXIT_ATTENTION
    }
    throw error
  }
}

function buildProgram(env: CliEnvironment, exit: (code: number) => void): Command {
  const program = new Command('keydesk-agent')
    .description('Escrows the BitLocker recovery passwords of this PC before they are needed.')
    .version(AGENT_VERSION)
    .exitOverride()
    .configureOutput({ writeOut: env.out, writeErr: env.err })
  const state = () =>
    new Option('--state <file>', 'the agent’s memory (key, receipts)').makeOptionMandatory()
  const json = () => new Option('--json', 'print one JSON object')

  program
    .command('enroll')
    .description('give this PC an identity of its own at the service')
    .requiredOption('--server <url>', 'the service, e.g. https://keydesk.example')
    .option('--token-file <file>', 'file with the enrolment token; - for standard input')
    .option('--sign-in', 'sign in instead, in a browser: the PC becomes yours')
    .option('--issuer <url>', 'where to sign in, if not at the service itself')
    .addOption(
      new Option('--provider <name>', 'where the volumes are')
        .choices(['image'])
        .makeOptionMandatory(),
    )
    .requiredOption('--pc <folder>', 'folder of the sample PC (with its pc.json)')
    .addOption(state())
    .addOption(json())
    .action((options: EnrollOptions) => enrollCommand(env, options))
  program
    .command('check-in')
    .description('one round now: escrow, report, and do what is due')
    .addOption(state())
    .addOption(json())
    .action(async (options: StateOptions) => exit(await roundCommand(env, options, {})))
  program
    .command('encrypt')
    .description('encrypt volumes of this PC now, each after its recovery password is escrowed')
    .option('--volume <name...>', 'drive letters or GUIDs; every volume if absent')
    .addOption(state())
    .addOption(json())
    .action(async (options: StateOptions & { volume?: string[] }) =>
      exit(await roundCommand(env, options, { encrypt: options.volume ?? 'all' })),
    )
  program
    .command('run')
    .description('check in regularly until stopped')
    .addOption(state())
    .action((options: StateOptions) => runCommand(env, options))
  program
    .command('status')
    .description('what is on the disks, and what the service has of it')
    .addOption(state())
    .addOption(json())
    .action(async (options: StateOptions) => exit(await statusCommand(env, options)))
  return program
}

async function enrollCommand(env: CliEnvironment, options: EnrollOptions): Promise<void> {
  const server = parseServerUrl(options.server)
  const proof = await proofOf(env, options, server)
  const directory = resolve(options.pc)
  const lock = await acquireProcessLock(options.state)
  try {
    const { deviceId, origin } = await enroll({
      deps: env.deps,
      storage: stateStorage(options.state),
      provider: imageProvider(directory),
      directory,
      server,
      proof,
      signal: env.signal,
    })
    env.out(
      options.json === true
        ? `${JSON.stringify({ deviceId, origin })}\n`
        : `Enrolled with ${origin} as device ${deviceId}.\n`,
    )
  } finally {
    await lock.release()
  }
}

/** The token is read at once, so that a wrong file shows before anything is done. */
async function proofOf(
  env: CliEnvironment,
  options: EnrollOptions,
  server: string,
): Promise<() => Promise<EnrollmentProof>> {
  const { tokenFile, signIn: isSignIn, issuer } = options
  if (isSignIn === true && tokenFile === undefined) {
    const { deps, signal } = env
    // Standard error, so that the answer of --json stands alone.
    return async () => ({
      ownerAccessToken: await signIn({ deps, server, issuer, tell: env.err, signal }),
    })
  }
  if (tokenFile === undefined || isSignIn === true) {
    throw new AgentError('USAGE', 'Give either --token-file FILE or --sign-in.')
  }
  const enrollmentToken = await readToken(tokenFile, env.stdin)
  return () => Promise.resolve({ enrollmentToken })
}

async function roundCommand(
  env: CliEnvironment,
  options: StateOptions,
  roundOptions: RoundOptions,
): Promise<number> {
  const isJson = options.json === true
  const say = isJson ? () => undefined : (line: string) => env.out(`${line}\n`)
  return await withLockedAgent(env, options, say, async (agent) => {
    const report = await runRound(agent, roundOptions)
    const { server } = await agent.state.current()
    env.out(isJson ? `${JSON.stringify(roundJson(report))}\n` : roundLine(report, server))
    return report.error?.exitCode ?? (report.problems.length > 0 ? EXIT_ATTENTION : EXIT_OK)
  })
}

function roundJson({ checkedIn, problems, error }: RoundReport): object {
  return { checkedIn, problems, ...(error === undefined ? {} : { error: error.code }) }
}

function roundLine({ checkedIn, problems }: RoundReport, server: string): string {
  const count = problems.length
  const what = count === 0 ? 'no problems' : `${count} ${count === 1 ? 'problem' : 'problems'}`
  return `${checkedIn ? 'Checked in' : 'NOT CHECKED IN'} with ${server}; ${what}.\n`
}

async function runCommand(env: CliEnvironment, options: StateOptions): Promise<void> {
  const say = (line: string) => {
    env.out(`${new Date(env.deps.clock.now()).toISOString()}  ${line}\n`)
  }
  await withLockedAgent(env, options, say, async (agent) => {
    say(`Agent ${AGENT_VERSION} of device ${agent.enrollment.deviceId} started`)
    await runLoop({ agent, random: env.deps.random, signal: env.signal })
    say('Stopped')
  })
}

async function statusCommand(env: CliEnvironment, options: StateOptions): Promise<number> {
  const agent = await open(env, options, () => undefined)
  const report = await readStatus(agent)
  env.out(options.json === true ? `${JSON.stringify(report)}\n` : renderStatus(report))
  return report.ok ? EXIT_OK : EXIT_ATTENTION
}

async function withLockedAgent<T>(
  env: CliEnvironment,
  options: StateOptions,
  say: (line: string) => void,
  work: (agent: Agent) => Promise<T>,
): Promise<T> {
  const lock = await acquireProcessLock(options.state)
  try {
    return await work(await open(env, options, say))
  } finally {
    await lock.release()
  }
}

async function open(
  env: CliEnvironment,
  options: StateOptions,
  say: (line: string) => void,
): Promise<Agent> {
  const { deps, signal } = env
  const storage = stateStorage(options.state)
  return await openAgent({ deps, storage, provider: providerOf, say, signal })
}

function providerOf({ provider }: AgentState) {
  return imageProvider(provider.directory)
}
