/**
 * Text that must not be in the tree: work left over, focused tests, real-looking recovery
 * passwords outside vectors and tests, paths of a machine, and hosts other than the example one.
 */
import { isSource, lineAt, type Problem, type SourceTree } from './source-tree.ts'

interface Ban {
  readonly pattern: RegExp
  readonly message: string
  readonly applies: (file: string) => boolean
}

const isRule = (file: string): boolean => file.startsWith('scripts/tidy')
const isText = (file: string): boolean => /\.(tsx?|js|json|md|sql|html|css|yml)$|^\.ci\//.test(file)
const mayHoldPasswords = (file: string): boolean =>
  /\.test\.ts$|\.e2e\.ts$|^docs\/spec\/|vectors|fixtures/.test(file)

const BANS: readonly Ban[] = [
  {
    pattern: /\b(FIXME|XXX|TODO)\b/g,
    message: 'finish it, or write down the gap as a sentence',
    applies: (file) => isText(file),
  },
  {
    pattern: /\b(it|test|describe)\.only\(/g,
    message: 'a focused test hides the others',
    applies: isSource,
  },
  {
    pattern: /\b(?:\d{6}-){7}\d{6}\b/g,
    message: 'a recovery password outside specs, vectors and tests',
    applies: (file) => isText(file) && !mayHoldPasswords(file),
  },
  {
    pattern: /(?<![\w.:/-])\/(?:home|root|work|Users)\/[a-z0-9]/g,
    message: 'a path of a machine',
    applies: (file) => isText(file) && !file.endsWith('package-lock.json'),
  },
]

export function bannedText(tree: SourceTree): Problem[] {
  return tree.files
    .filter((file) => !isRule(file))
    .flatMap((file) =>
      BANS.filter((ban) => ban.applies(file)).flatMap((ban) => {
        const text = tree.read(file)
        return [...text.matchAll(ban.pattern)].map((match) => ({
          file,
          line: lineAt(text, match.index),
          message: ban.message,
        }))
      }),
    )
}
