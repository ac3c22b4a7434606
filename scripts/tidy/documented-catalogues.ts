/**
 * The catalogues and their documentation say the same, in both directions: every limit and every
 * error code has a row in `docs/limits.md` or `docs/errors.md`, and no row is left over.
 */
import type { Problem, SourceTree } from './source-tree.ts'

interface Catalogue {
  readonly source: string
  readonly page: string
  /** Finds the names: the keys of its one exported object, or its exported constants. */
  readonly declaration: RegExp
}

const ENTRY = /^ {2}([A-Za-z][A-Za-z0-9]*): /gm
const CONSTANT = /^export const ([A-Z][A-Z0-9_]*) = [^{\n]+$/gm

const CATALOGUES: readonly Catalogue[] = [
  { source: 'packages/contract/src/limits.ts', page: 'docs/limits.md', declaration: ENTRY },
  { source: 'packages/bitlocker/src/limits.ts', page: 'docs/limits.md', declaration: ENTRY },
  { source: 'packages/agent/src/limits.ts', page: 'docs/limits.md', declaration: ENTRY },
  { source: 'packages/cli/src/limits.ts', page: 'docs/limits.md', declaration: CONSTANT },
  {
    source: 'packages/bitlocker/src/partition-table-limits.ts',
    page: 'docs/limits.md',
    declaration: CONSTANT,
  },
  {
    source: 'packages/contract/src/errors.ts',
    page: 'docs/errors.md',
    declaration: /^ {2}([A-Z][A-Z0-9_]*): /gm,
  },
]

export function documentedCatalogues(tree: SourceTree): Problem[] {
  const problems: Problem[] = []
  const declared = new Map<string, Set<string>>()
  for (const { source, page, declaration } of CATALOGUES) {
    if (!tree.files.includes(source)) {
      problems.push({ file: source, message: 'the catalogue is missing' })
      continue
    }
    const names = [...tree.read(source).matchAll(declaration)].flatMap((m) => m[1] ?? [])
    if (names.length === 0) problems.push({ file: source, message: 'the catalogue has no entries' })
    const known = declared.get(page) ?? new Set()
    for (const name of names) known.add(name)
    declared.set(page, known)
  }
  for (const [page, names] of declared) problems.push(...pageProblems(tree, page, names))
  return problems
}

function pageProblems(tree: SourceTree, page: string, names: ReadonlySet<string>): Problem[] {
  if (!tree.files.includes(page)) return [{ file: page, message: 'the page is missing' }]
  const rows = new Set(
    [...tree.read(page).matchAll(/^\| `([^`]+)` \|/gm)].flatMap((m) => m[1] ?? []),
  )
  const missing = [...names].filter((name) => !rows.has(name))
  const leftOver = [...rows].filter((row) => !names.has(row))
  return [
    ...missing.map((name) => ({ file: page, message: `has no row for \`${name}\`` })),
    ...leftOver.map((name) => ({
      file: page,
      message: `has a row for \`${name}\`, which is gone`,
    })),
  ]
}
