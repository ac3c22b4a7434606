/**
 * Names that say what a thing is: no drawers, kebab-case files (React components in PascalCase),
 * one README a package, and a test beside or under `test/` with a suffix that names its cost.
 */
import { isSource, type Problem, type SourceTree } from './source-tree.ts'

const DRAWERS = ['utils', 'util', 'helpers', 'helper', 'common', 'misc', 'lib', 'shared', 'types']

export function names(tree: SourceTree): Problem[] {
  const problems: Problem[] = []
  for (const file of tree.files) {
    const parts = file.split('/')
    for (const part of parts) {
      const stem = part.replace(/\..*$/, '')
      if (DRAWERS.includes(stem.toLowerCase())) {
        problems.push({ file, message: `"${part}" is a drawer; name it after what it holds` })
      }
    }
    const base = parts.at(-1) ?? ''
    const isKebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*\.ts$/.test(base)
    const isComponent = /^([A-Z][A-Za-z0-9]*|[a-z0-9-]+)(\.test|\.web\.test)?\.tsx$/.test(base)
    if (isSource(file) && !isKebab && !isComponent) {
      problems.push({ file, message: 'file names are kebab-case, components PascalCase.tsx' })
    }
  }
  const packages = new Set(tree.files.map((file) => /^packages\/[^/]+/.exec(file)?.[0]))
  packages.delete(undefined)
  for (const folder of packages) {
    if (!tree.files.includes(`${folder}/README.md`)) {
      problems.push({ file: `${folder}/README.md`, message: 'every package has a README' })
    }
  }
  return problems
}
