/**
 * A real browser: the Chromium that comes inside an npm package, so nothing has to be installed on
 * a bare Linux machine. Ended by whoever launched it.
 */

import { mkdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { chromium, type Browser } from '@playwright/test'

/** Headless. Its traffic stays on this machine. */
export async function launchBrowser(): Promise<Browser> {
  return await chromium.launch({
    executablePath: await chromiumPath(),
    // The package's own arguments have --single-process, which dies when a second page closes.
    args: ['--no-sandbox', '--disable-gpu'],
    headless: true,
  })
}

/**
 * The package unpacks to `$TMPDIR/chromium` and takes whatever lies there, of any version: so each
 * version gets a directory of its own.
 */
async function chromiumPath(): Promise<string> {
  const manifest = readFileSync(resolve(import.meta.dirname, '../../package.json'), 'utf8')
  const { devDependencies } = JSON.parse(manifest) as { devDependencies: Record<string, string> }
  const version = devDependencies['@sparticuz/chromium'] ?? 'unknown'
  const directory = join(tmpdir(), `keydesk-chromium-${version}`)
  mkdirSync(directory, { recursive: true })
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = directory
  try {
    const { default: packaged } = await import('@sparticuz/chromium')
    return await packaged.executablePath()
  } finally {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  }
}
