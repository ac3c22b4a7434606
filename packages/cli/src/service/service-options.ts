/** The options that every command for a service has. */
import type { Command } from 'commander'

export interface ServiceOptions {
  readonly server?: string
  readonly json?: boolean
}

/** Adds `--server` and `--json`. */
export function withServiceOptions(command: Command): Command {
  return command
    .option('--server <url>', 'the service (default: that of the last login)')
    .option('--json', 'print JSON; errors too, on standard error')
}
