/** Who holds a role or is asked about: `--user`, `--group` or `--app`, exactly one of them. */
import type { Command } from 'commander'
import { CommandError } from '../command-error.ts'
import { appId, groupId, userId } from '../service/find-by-name.ts'
import type { Service } from '../service/service.ts'

export interface HolderOptions {
  readonly user?: string
  readonly group?: string
  readonly app?: string
}

export function withHolder(command: Command): Command {
  return command
    .option('--user <name>', 'user principal name or ID')
    .option('--group <name>', 'name or ID of a group')
    .option('--app <name>', 'name or ID of a program')
}

/** Undefined: none was named. Throws CommandError USAGE for more than one. */
export async function holderId(
  service: Service,
  { user, group, app }: HolderOptions,
): Promise<string | undefined> {
  if ([user, group, app].filter((name) => name !== undefined).length > 1) {
    throw new CommandError('USAGE', 'Give only one of --user, --group and --app')
  }
  if (user !== undefined) return await userId(service, user)
  if (group !== undefined) return await groupId(service, group)
  return app === undefined ? undefined : await appId(service, app)
}
