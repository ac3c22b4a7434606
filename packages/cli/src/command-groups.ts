/**
 * The commands at the top: their names, what `keydesk --help` says of them, and how to load them.
 * Only the one that is called is loaded.
 */
import type { Command } from 'commander'

interface CommandGroup {
  readonly name: string
  readonly description: string
  /** `finish` receives the exit code of a command that ends with another one than 0. */
  readonly load: (finish: (exitCode: number) => void) => Promise<Command>
}

export const COMMAND_GROUPS: readonly CommandGroup[] = [
  {
    name: 'login',
    description: 'Sign in to a service, in a browser',
    load: async (finish) => (await import('./account/account-commands.ts')).loginCommand(finish),
  },
  {
    name: 'logout',
    description: 'End the sign-in, here and at the issuer',
    load: async (finish) => (await import('./account/account-commands.ts')).logoutCommand(finish),
  },
  {
    name: 'whoami',
    description: 'Show who is signed in, with which roles',
    load: async (finish) => (await import('./account/account-commands.ts')).whoamiCommand(finish),
  },
  {
    name: 'recover',
    description: 'Be shown a recovery password',
    load: async () => (await import('./recovery/recover-command.ts')).recoverCommand(),
  },
  {
    name: 'users',
    description: 'People',
    load: async () => (await import('./directory/users-command.ts')).usersCommand(),
  },
  {
    name: 'groups',
    description: 'Groups of people',
    load: async () => (await import('./directory/groups-command.ts')).groupsCommand(),
  },
  {
    name: 'devices',
    description: 'PCs and their owners',
    load: async () => (await import('./directory/devices-command.ts')).devicesCommand(),
  },
  {
    name: 'units',
    description: 'Administrative units: devices that roles are given for',
    load: async () => (await import('./directory/device-sets-command.ts')).unitsCommand(),
  },
  {
    name: 'device-groups',
    description: 'Device groups: devices that rules are set for',
    load: async () => (await import('./directory/device-sets-command.ts')).deviceGroupsCommand(),
  },
  {
    name: 'roles',
    description: 'Roles, built-in and custom',
    load: async () => (await import('./roles/roles-command.ts')).rolesCommand(),
  },
  {
    name: 'assignments',
    description: 'Who has which role, for what',
    load: async () => (await import('./roles/assignments-command.ts')).assignmentsCommand(),
  },
  {
    name: 'access',
    description: 'Who could read a key, and what somebody can do, and why',
    load: async () => (await import('./roles/access-command.ts')).accessCommand(),
  },
  {
    name: 'apps',
    description: 'Programs and their secrets',
    load: async () => (await import('./programs/apps-command.ts')).appsCommand(),
  },
  {
    name: 'enrollment-tokens',
    description: 'What lets devices enrol',
    load: async () => (await import('./programs/tokens-commands.ts')).enrollmentTokensCommand(),
  },
  {
    name: 'provisioning-tokens',
    description: 'What lets a SCIM client provision users and groups',
    load: async () => (await import('./programs/tokens-commands.ts')).provisioningTokensCommand(),
  },
  {
    name: 'approvals',
    description: 'Disclosures that wait for a second person',
    load: async () => (await import('./recovery/approvals-command.ts')).approvalsCommand(),
  },
  {
    name: 'sessions',
    description: 'Browser sessions, of yourself and of others',
    load: async () => (await import('./account/sessions-command.ts')).sessionsCommand(),
  },
  {
    name: 'volume',
    description: 'Work on BitLocker volumes in image files and on disks; needs no service',
    load: async (finish) => (await import('./volume/volume-command.ts')).volumeCommand(finish),
  },
]
