/**
 * The style and the script of the rendered pages: files beside this one, read once. Their address
 * holds a hash of their content, so browsers keep them for ever and a new version is fetched at
 * once.
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Asset {
  readonly body: Buffer
  readonly contentType: string
}

const assets = new Map<string, Asset>()

export const STYLE_URL = load('pages', 'css', 'text/css; charset=utf-8')
export const PASSKEY_SCRIPT_URL = load('passkey', 'js', 'text/javascript; charset=utf-8')

/** By the last part of the address. */
export function assetNamed(name: string): Asset | undefined {
  return assets.get(name)
}

function load(stem: string, extension: string, contentType: string): string {
  const body = readFileSync(join(import.meta.dirname, 'assets', `${stem}.${extension}`))
  const hash = createHash('sha256').update(body).digest('base64url').slice(0, 16)
  const name = `${stem}-${hash}.${extension}`
  assets.set(name, { body, contentType })
  return `/sign-in/assets/${name}`
}
