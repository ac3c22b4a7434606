/**
 * The built portal, read into memory once: a few files, and a request can name nothing but them, so
 * no path can lead out of the directory.
 */

import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'

export interface PortalFile {
  readonly body: Buffer
  readonly contentType: string
  /** Strong validator: the hash of the body, quoted. */
  readonly etag: string
  /** Its name holds a hash of its content, so it never changes. */
  readonly isImmutable: boolean
}

export interface PortalFiles {
  /** The page of every address of the portal; `undefined` when it was not built. */
  readonly page: PortalFile | undefined
  /** By path: `/assets/index-a1b2c3d4.js`. */
  readonly assets: ReadonlyMap<string, PortalFile>
}

const CONTENT_TYPES: Readonly<Record<string, string | undefined>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.txt': 'text/plain; charset=utf-8',
}

/** Vite writes `assets/<name>-<hash>.<extension>`. */
const HASHED = /^\/assets\/.+-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$/

/** A missing directory is not an error: the server says then how to build the portal. */
export function loadPortalFiles(directory: string): PortalFiles {
  const assets = new Map<string, PortalFile>()
  for (const file of filesBelow(directory)) {
    const path = `/${relative(directory, file).split(sep).join('/')}`
    const contentType = CONTENT_TYPES[extname(file)]
    // Source maps and whatever else a build leaves behind are not served.
    if (contentType !== undefined) assets.set(path, portalFile(file, path, contentType))
  }
  const page = assets.get('/index.html')
  assets.delete('/index.html')
  return { page, assets }
}

function filesBelow(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function portalFile(file: string, path: string, contentType: string): PortalFile {
  const body = readFileSync(file)
  const hash = createHash('sha256').update(body).digest('base64url')
  return { body, contentType, etag: `"${hash}"`, isImmutable: HASHED.test(path) }
}
