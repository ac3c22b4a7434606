/** Where sign-ins are kept: the place that the operating system has for a program's settings. */
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** `env` and the rest stand for this process; tests give their own. */
export function sessionFolder(
  env: Readonly<Record<string, string | undefined>> = process.env,
  platform: NodeJS.Platform = process.platform,
  home: string = homedir(),
): string {
  if (platform === 'win32') {
    return join(absolute(env['APPDATA']) ?? join(home, 'AppData', 'Roaming'), 'Keydesk')
  }
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Keydesk')
  return join(absolute(env['XDG_CONFIG_HOME']) ?? join(home, '.config'), 'keydesk')
}

/** The XDG specification says that a relative path counts as none. */
function absolute(path: string | undefined): string | undefined {
  return path !== undefined && isAbsolute(path) ? path : undefined
}
