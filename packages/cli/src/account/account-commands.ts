/** `keydesk login`, `logout` and `whoami`: what each takes. The work is in the file of its name. */
import { Command } from 'commander'
import { withServiceOptions } from '../service/service-options.ts'
import type { LoginOptions } from './login.ts'
import type { LogoutOptions } from './logout.ts'
import type { WhoamiOptions } from './whoami.ts'

type Finish = (exitCode: number) => void

export function loginCommand(finish: Finish): Command {
  const command = new Command('login')
    .description('Sign in to a service, in a browser')
    .option('--step-up', 'sign in anew and strongly, as a disclosure may demand')
    .option('--issuer <url>', 'where to sign in, if not at the service itself')
  return withServiceOptions(command)
    .addHelpText('after', LOGIN_HELP)
    .action(async (options: LoginOptions) => {
      const { login } = await import('./login.ts')
      finish(await login(options))
    })
}

export function logoutCommand(finish: Finish): Command {
  const command = new Command('logout')
    .description('End the sign-in, here and at the issuer')
    .option('--all', 'of every service')
  return withServiceOptions(command).action(async (options: LogoutOptions) => {
    const { logout } = await import('./logout.ts')
    finish(await logout(options))
  })
}

export function whoamiCommand(finish: Finish): Command {
  const command = new Command('whoami').description('Show who is signed in, with which roles')
  return withServiceOptions(command).action(async (options: WhoamiOptions) => {
    const { whoami } = await import('./whoami.ts')
    finish(await whoami(options))
  })
}

const LOGIN_HELP = `
The browser may be on another machine. The sign-in is kept in a file that only
you can read, and renewed by itself until "keydesk logout".

Programs do not sign in. They set KEYDESK_SERVER, and either KEYDESK_CLIENT_ID
and KEYDESK_CLIENT_SECRET_FILE, or KEYDESK_ACCESS_TOKEN.`
