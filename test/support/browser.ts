/**
 * A real browser: the Chromium that comes inside an npm package, with the libraries and fonts that
 * it needs, so nothing has to be installed on a bare Linux machine. Ended by whoever launched it.
 */

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { chromium, type Browser } from '@playwright/test'

/** Headless. Its traffic stays on this machine. */
export async function launchBrowser(): Promise<Browser> {
  const directory = await unpackedChromium()
  return await chromium.launch({
    executablePath: join(directory, 'chromium'),
    // The package's own arguments have --single-process, which dies when a second page closes.
    args: ['--no-sandbox', '--disable-gpu'],
    headless: true,
    env: {
      ...process.env,
      LD_LIBRARY_PATH: join(directory, 'al2023', 'lib'),
      FONTCONFIG_PATH: join(directory, 'fonts'),
    },
  })
}

/**
 * The package unpacks below `$TMPDIR` and takes whatever lies there, of any version and however
 * far another process has come: so each version gets a directory of its own, which appears whole.
 */
async function unpackedChromium(): Promise<string> {
  const manifest = readFileSync(resolve(import.meta.dirname, '../../package.json'), 'utf8')
  const { devDependencies } = JSON.parse(manifest) as { devDependencies: Record<string, string> }
  const version = devDependencies['@sparticuz/chromium'] ?? 'unknown'
  const directory = join(tmpdir(), `keydesk-chromium-${version}-complete`)
  if (existsSync(directory)) return directory
  const draft = `${directory}-${process.pid}`
  mkdirSync(draft)
  await unpackInto(draft)
  try {
    renameSync(draft, directory)
  } catch (error) {
    // Another process was faster; its directory is as good.
    rmSync(draft, { recursive: true })
    if (!existsSync(directory)) throw error
  }
  return directory
}

/** `relative`: to this file, so that the directory may move. */
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`

async function unpackInto(directory: string): Promise<void> {
  const before = { ...process.env }
  process.env['TMPDIR'] = directory
  // Without this it takes the system for one that has NSS already.
  process.env['AWS_EXECUTION_ENV'] = 'AWS_Lambda_nodejs24.x'
  try {
    const { default: packaged } = await import('@sparticuz/chromium')
    await packaged.executablePath()
    // Its own one looks in directories of another system; without any font Chromium crashes.
    writeFileSync(join(directory, 'fonts', 'fonts.conf'), FONTS)
  } finally {
    for (const name of ['TMPDIR', 'AWS_EXECUTION_ENV', 'LD_LIBRARY_PATH', 'FONTCONFIG_PATH']) {
      if (before[name] === undefined) Reflect.deleteProperty(process.env, name)
      else process.env[name] = before[name]
    }
  }
}
