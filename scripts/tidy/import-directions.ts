/**
 * Import directions (architecture §3): leaves import no sibling, apps import leaves and never each
 * other, and no file reaches into another package by a relative path. A package's own
 * `package.json` must not name a sibling that the table forbids either.
 */
import { dirname, normalize } from 'node:path'
import { parseSync } from 'oxc-parser'
import { isSource, isTest, lineAt, type Problem, type SourceTree } from './source-tree.ts'

const LEAVES = ['bitlocker', 'tlog', 'contract']
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  bitlocker: [],
  tlog: [],
  contract: [],
  server: LEAVES,
  agent: LEAVES,
  cli: LEAVES,
  portal: LEAVES,
}

export function importDirections(tree: SourceTree): Problem[] {
  const problems: Problem[] = []
  for (const file of tree.files) {
    const name = /^packages\/([^/]+)\//.exec(file)?.[1]
    if (name === undefined) continue
    const allowed = MAY_IMPORT[name]
    if (allowed === undefined) {
      problems.push({ file, message: `packages/${name} is not in the table of import directions` })
    } else if (file === `packages/${name}/package.json`) {
      problems.push(...manifestProblems(tree, file, allowed))
    } else if (isSource(file)) {
      problems.push(...sourceProblems(tree, file, name, allowed))
    }
  }
  return problems
}

function manifestProblems(tree: SourceTree, file: string, allowed: readonly string[]): Problem[] {
  const manifest = JSON.parse(tree.read(file)) as Record<string, Record<string, string> | undefined>
  const names = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies']
    .flatMap((field) => Object.keys(manifest[field] ?? {}))
    .filter((name) => name.startsWith('@keydesk/'))
  return names
    .filter((name) => !allowed.includes(name.slice('@keydesk/'.length)))
    .map((name) => ({ file, message: `must not depend on ${name}` }))
}

function sourceProblems(
  tree: SourceTree,
  file: string,
  packageName: string,
  allowed: readonly string[],
): Problem[] {
  const text = tree.read(file)
  const problems: Problem[] = []
  for (const { specifier, offset } of importsOf(file, text)) {
    const line = lineAt(text, offset)
    const sibling = /^@keydesk\/([^/]+)/.exec(specifier)?.[1]
    if (sibling !== undefined && !allowed.includes(sibling)) {
      problems.push({ file, line, message: `packages/${packageName} must not import ${specifier}` })
    }
    if (specifier.startsWith('.')) {
      const target = normalize(`${dirname(file)}/${specifier}`)
      // A test may use what all tests share; nothing else leaves its package by a relative path.
      const isTestSupport = isTest(file) && target.startsWith('test/support/')
      if (!target.startsWith(`packages/${packageName}/`) && !isTestSupport) {
        problems.push({
          file,
          line,
          message: `leaves its package by a relative path: ${specifier}`,
        })
      }
    }
  }
  return problems
}

/** Every module specifier of a file: static and dynamic imports and re-exports. */
function importsOf(file: string, text: string): { specifier: string; offset: number }[] {
  const { module } = parseSync(file, text)
  const fromStatic = module.staticImports.map((found) => found.moduleRequest)
  const fromExports = module.staticExports
    .flatMap((found) => found.entries)
    .map((entry) => entry.moduleRequest)
    .filter((request) => request !== null)
  const fromDynamic = module.dynamicImports.map(({ moduleRequest: { start, end } }) => ({
    value: text.slice(start, end).replace(/^['"`]|['"`]$/g, ''),
    start,
  }))
  return [...fromStatic, ...fromExports, ...fromDynamic].map(({ value, start }) => ({
    specifier: value,
    offset: start,
  }))
}
