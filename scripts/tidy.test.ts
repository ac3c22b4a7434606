/**
 * Goal: the tree keeps the house rules, and each rule really finds what it is for.
 * Method: the real tree has no problem; a small tree with one fault each has exactly that one.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { findProblems } from './tidy.ts'

const folders: string[] = []

const LIMIT_ROWS = [
  'bodyBytesMax',
  'datumsMax',
  'ENTRIES_MAX',
  'stateFileBytes',
  'PASSWORD_FILE_BYTES_MAX',
]
  .map((name) => `| \`${name}\` | 1 |\n`)
  .join('')

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** The least tree without a problem, plus the given files (null removes one). */
function problemsWith(files: Record<string, string | null>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'keydesk-tidy-'))
  folders.push(root)
  const tree: Record<string, string | null> = {
    'packages/contract/README.md': '# contract\n',
    'packages/contract/src/limits.ts': 'export const LIMITS = {\n  bodyBytesMax: 1,\n}\n',
    'packages/contract/src/errors.ts': 'export const ERROR_CODES = {\n  NOT_FOUND: 404,\n}\n',
    'packages/bitlocker/README.md': '# bitlocker\n',
    'packages/bitlocker/src/limits.ts': 'export const LIMITS = {\n  datumsMax: 1,\n}\n',
    'packages/bitlocker/src/partition-table-limits.ts': 'export const ENTRIES_MAX = 1\n',
    'packages/agent/README.md': '# agent\n',
    'packages/agent/src/limits.ts': 'export const LIMITS = {\n  stateFileBytes: 1,\n}\n',
    'packages/cli/README.md': '# cli\n',
    'packages/cli/src/limits.ts': 'export const PASSWORD_FILE_BYTES_MAX = 1\n',
    'docs/limits.md': LIMIT_ROWS,
    'docs/errors.md': '| `NOT_FOUND` | 404 |\n',
    ...files,
  }
  for (const [file, text] of Object.entries(tree)) {
    if (text === null) continue
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text)
  }
  return findProblems(root)
}

describe('the repository', () => {
  it('keeps every rule', () => {
    expect(findProblems(resolve(import.meta.dirname, '..'))).toEqual([])
  })
})

describe('import directions', () => {
  it('refuses a leaf that imports a sibling', () => {
    expect(problemsWith({ 'packages/contract/src/a.ts': "import '@keydesk/bitlocker'\n" })).toEqual(
      ['packages/contract/src/a.ts:1: packages/contract must not import @keydesk/bitlocker'],
    )
  })

  it('refuses an app that imports another app, also lazily', () => {
    expect(
      problemsWith({
        'packages/cli/src/a.ts': "\nexport const load = () => import('@keydesk/server')\n",
      }),
    ).toEqual(['packages/cli/src/a.ts:2: packages/cli must not import @keydesk/server'])
  })

  it('refuses a relative path into another package, and a re-export', () => {
    expect(
      problemsWith({ 'packages/contract/src/a.ts': "export * from '../../bitlocker/src/b.ts'\n" }),
    ).toEqual([
      'packages/contract/src/a.ts:1: leaves its package by a relative path: ../../bitlocker/src/b.ts',
    ])
  })

  it('refuses a forbidden sibling in package.json', () => {
    expect(
      problemsWith({
        'packages/contract/package.json': '{"dependencies":{"@keydesk/tlog":"0.1.0"}}',
      }),
    ).toEqual(['packages/contract/package.json: must not depend on @keydesk/tlog'])
  })
})

describe('sizes', () => {
  it('refuses a file over 400 lines', () => {
    expect(problemsWith({ 'packages/contract/src/a.ts': '// line\n'.repeat(401) })).toEqual([
      'packages/contract/src/a.ts: 401 lines; 400 is the most',
    ])
  })

  it('refuses a function over 70 lines', () => {
    const text = `export function long() {\n${'  work()\n'.repeat(70)}}\n`
    expect(problemsWith({ 'packages/contract/src/a.ts': text })).toEqual([
      'packages/contract/src/a.ts:1: a function of 72 lines; 70 is the most',
    ])
  })

  it('refuses a line over 100 columns', () => {
    expect(problemsWith({ 'packages/contract/src/a.ts': `// ${'word '.repeat(20)}\n` })).toEqual([
      'packages/contract/src/a.ts:1: 103 columns; 100 is the most',
    ])
  })
})

describe('names', () => {
  it('refuses drawers, as a folder and as a file', () => {
    expect(
      problemsWith({
        'packages/contract/src/utils/a.ts': '',
        'packages/contract/src/helpers.ts': '',
      }),
    ).toEqual([
      'packages/contract/src/helpers.ts: "helpers.ts" is a drawer; name it after what it holds',
      'packages/contract/src/utils/a.ts: "utils" is a drawer; name it after what it holds',
    ])
  })

  it('refuses a file that is not kebab-case and a package without a README', () => {
    expect(
      problemsWith({ 'packages/contract/src/sealKey.ts': '', 'packages/contract/README.md': null }),
    ).toEqual([
      'packages/contract/src/sealKey.ts: file names are kebab-case, components PascalCase.tsx',
      'packages/contract/README.md: every package has a README',
    ])
  })
})

describe('banned text', () => {
  it('refuses a recovery password outside tests and specs', () => {
    const password = Array.from({ length: 8 }, () => '111111').join('-')
    const problem = 'a recovery password outside specs, vectors and tests'
    expect(problemsWith({ 'README.md': `${password}\n` })).toEqual([`README.md:1: ${problem}`])
    expect(problemsWith({ 'docs/spec/a.md': `${password}\n` })).toEqual([])
  })

  it('refuses work left over and focused tests', () => {
    expect(
      problemsWith({
        'packages/contract/src/a.ts': '// FIXME later\n',
        'packages/contract/src/a.test.ts': "it.only('x', () => {})\n",
      }),
    ).toEqual([
      'packages/contract/src/a.test.ts:1: a focused test hides the others',
      'packages/contract/src/a.ts:1: finish it, or write down the gap as a sentence',
    ])
  })
})

describe('documented catalogues', () => {
  it('refuses a limit without a row and a row without a limit', () => {
    expect(problemsWith({ 'docs/limits.md': LIMIT_ROWS.replace('datumsMax', 'gone') })).toEqual([
      'docs/limits.md: has no row for `datumsMax`',
      'docs/limits.md: has a row for `gone`, which is gone',
    ])
  })

  it('refuses an error code without a row', () => {
    expect(problemsWith({ 'docs/errors.md': '' })).toEqual([
      'docs/errors.md: has no row for `NOT_FOUND`',
    ])
  })
})

describe('migrations', () => {
  const folder = 'packages/server/src/db/migrations'
  const emptySha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
  const server = { 'packages/server/README.md': '# server\n' }

  it('refuses a gap in the numbers', () => {
    expect(
      problemsWith({
        ...server,
        [`${folder}/0002_second.sql`]: '',
        [`${folder}/checksums.txt`]: `${emptySha256}  0002_second.sql\n`,
      }),
    ).toEqual([`${folder}/0002_second.sql: expected a name of the form 0001_what_it_does.sql`])
  })

  it('refuses a recorded migration that changed or went', () => {
    expect(
      problemsWith({
        ...server,
        [`${folder}/0001_first.sql`]: 'select 1;',
        [`${folder}/checksums.txt`]: `${emptySha256}  0001_first.sql\n${emptySha256}  0002_b.sql\n`,
      }),
    ).toEqual([
      `${folder}/0001_first.sql: was changed after it was recorded; write a new migration`,
      `${folder}/checksums.txt: 0002_b.sql is recorded but gone`,
    ])
  })

  it('asks for a new migration to be recorded', () => {
    expect(problemsWith({ ...server, [`${folder}/0001_first.sql`]: '' })).toEqual([
      `${folder}/0001_first.sql: is not recorded; run: node scripts/tidy.ts --record-migrations`,
    ])
  })
})

describe('links', () => {
  it('refuses a relative link that leads nowhere', () => {
    expect(problemsWith({ 'README.md': '[docs](docs/) [gone](docs/gone.md#part)\n' })).toEqual([
      'README.md:1: leads nowhere: docs/gone.md',
    ])
  })
})
