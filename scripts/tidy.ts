/**
 * The house rules that a tool can check, as a command and (tidy.test.ts) as a test.
 *
 *   node scripts/tidy.ts                       print every problem, exit 1 if there is one
 *   node scripts/tidy.ts --record-migrations   record the checksums of new migrations
 */
import { resolve } from 'node:path'
import { bannedText } from './tidy/banned-text.ts'
import { documentedCatalogues } from './tidy/documented-catalogues.ts'
import { importDirections } from './tidy/import-directions.ts'
import { links } from './tidy/links.ts'
import { migrations, recordMigrations } from './tidy/migrations.ts'
import { names } from './tidy/names.ts'
import { sizes } from './tidy/sizes.ts'
import { readSourceTree, type Problem, type SourceTree } from './tidy/source-tree.ts'

const RULES: readonly ((tree: SourceTree) => Problem[])[] = [
  importDirections,
  sizes,
  names,
  bannedText,
  documentedCatalogues,
  migrations,
  links,
]

/** Every problem of the tree below `root`, one line each, as `file:line message`. */
export function findProblems(root: string): string[] {
  const tree = readSourceTree(root)
  return RULES.flatMap((rule) => rule(tree)).map(({ file, line, message }) =>
    line === undefined ? `${file}: ${message}` : `${file}:${line}: ${message}`,
  )
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, '..')
  if (process.argv.includes('--record-migrations')) recordMigrations(readSourceTree(root))
  const problems = findProblems(root)
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exitCode = 1
}
