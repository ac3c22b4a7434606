/**
 * The files of the repository as the tidy rules see them: everything that is not installed, built
 * or somebody's data. Paths are relative to the root and use `/`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const SKIPPED_FOLDERS = new Set(['node_modules', '.git', 'dist'])
/** The data directory of `npm start` and `npm run dev`. */
const DATA_FOLDER = 'data'

export interface SourceTree {
  readonly root: string
  readonly files: readonly string[]
  read(file: string): string
}

/** A rule's finding; `file` is relative to the root, `line` counts from 1. */
export interface Problem {
  readonly file: string
  readonly line?: number
  readonly message: string
}

export function readSourceTree(root: string): SourceTree {
  const files: string[] = []
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) {
        if (!SKIPPED_FOLDERS.has(entry.name) && path !== DATA_FOLDER) walk(path)
      } else if (entry.isFile()) {
        files.push(path)
      }
    }
  }
  walk('')
  files.sort()
  const texts = new Map<string, string>()
  return {
    root,
    files,
    read(file) {
      const known = texts.get(file)
      if (known !== undefined) return known
      const text = readFileSync(join(root, file), 'utf8')
      texts.set(file, text)
      return text
    },
  }
}

export const isSource = (file: string): boolean => /\.tsx?$/.test(file)
/** Tests, and what only tests import: each package's `src/testing`. */
export const isTest = (file: string): boolean => /\.(test|e2e)\.tsx?$|\/src\/testing\//.test(file)

/** The line (from 1) of a character offset. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
