/** Relative links in Markdown lead to files that exist. */
import { dirname, normalize } from 'node:path'
import { lineAt, type Problem, type SourceTree } from './source-tree.ts'

export function links(tree: SourceTree): Problem[] {
  const folders = new Set(tree.files.flatMap((file) => ancestors(file)))
  return tree.files
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) => {
      const text = tree.read(file)
      return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap((match) => {
        const target = (match[1] ?? '').replace(/#.*$/, '')
        if (target === '' || /^[a-z]+:/.test(target)) return []
        const path = normalize(`${dirname(file)}/${target}`).replace(/\/$/, '')
        if (tree.files.includes(path) || folders.has(path)) return []
        return [{ file, line: lineAt(text, match.index), message: `leads nowhere: ${target}` }]
      })
    })
}

function ancestors(file: string): string[] {
  const parts = file.split('/').slice(0, -1)
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'))
}
