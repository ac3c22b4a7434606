/**
 * Runs one command line. Each command's code is loaded when it is called, since most of a short
 * command's time is loading. Invariant: every failure ends in `reportFailure`.
 */
import { Command, CommanderError } from 'commander'

import { COMMAND_GROUPS } from './command-groups.ts'
import { reportFailure } from './report-failure.ts'

/** Takes the arguments without program names, returns the exit code; never throws. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  let exitCode = 0
  const program = new Command('keydesk')
    .description('Keydesk, the BitLocker recovery service: its command line')
    .helpCommand(false)
    .configureHelp({ subcommandTerm: (command) => command.name() })
  for (const { name, description, load } of COMMAND_GROUPS) {
    const isCalled = args[0] === name
    const finish = (code: number): void => void (exitCode = code)
    program.addCommand(isCalled ? await load(finish) : new Command(name).description(description))
  }
  quieten(program)
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError && error.code === 'commander.help') return 2
    if (error instanceof CommanderError && error.exitCode === 0) return 0
    return reportFailure(error, {
      json: args.includes('--json'),
      command: calledName(program, args),
    })
  }
}

/** Commander throws instead of printing and exiting: failures have one voice. */
function quieten(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => {} })
  for (const nested of command.commands) quieten(nested)
}

/** The program and the commands that were recognised: `keydesk volume verify`. */
function calledName(program: Command, args: readonly string[]): string {
  const [name = '', ...rest] = args
  const nested = program.commands.find((command) => command.name() === name)
  return nested ? `${program.name()} ${calledName(nested, rest)}` : program.name()
}
