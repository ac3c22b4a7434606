/**
 * Migrations are numbered without gaps, and a recorded one never changes: its SHA-256 stands in
 * `checksums.txt` beside it. `node scripts/tidy.ts --record-migrations` adds the rows of new ones.
 */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Problem, SourceTree } from './source-tree.ts'

const FOLDER = 'packages/server/src/db/migrations'
const RECORD = `${FOLDER}/checksums.txt`

const isMigration = (file: string): boolean =>
  file.startsWith(`${FOLDER}/`) && file.endsWith('.sql')
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

export function migrations(tree: SourceTree): Problem[] {
  const problems: Problem[] = []
  const recorded = readRecord(tree)
  const files = tree.files.filter(isMigration)
  for (const [index, file] of files.entries()) {
    const name = file.slice(FOLDER.length + 1)
    const number = String(index + 1).padStart(4, '0')
    if (!new RegExp(`^${number}_[a-z0-9_]+\\.sql$`).test(name)) {
      problems.push({ file, message: `expected a name of the form ${number}_what_it_does.sql` })
    }
    const checksum = recorded.get(name)
    if (checksum === undefined) {
      problems.push({
        file,
        message: 'is not recorded; run: node scripts/tidy.ts --record-migrations',
      })
    } else if (checksum !== sha256(tree.read(file))) {
      problems.push({ file, message: 'was changed after it was recorded; write a new migration' })
    }
  }
  for (const name of recorded.keys()) {
    if (!files.includes(`${FOLDER}/${name}`)) {
      problems.push({ file: RECORD, message: `${name} is recorded but gone` })
    }
  }
  return problems
}

/** Adds a row for each migration that has none; a recorded row is never rewritten. */
export function recordMigrations(tree: SourceTree): void {
  const recorded = readRecord(tree)
  for (const file of tree.files.filter(isMigration)) {
    const name = file.slice(FOLDER.length + 1)
    if (!recorded.has(name)) recorded.set(name, sha256(tree.read(file)))
  }
  const rows = [...recorded].map(([name, checksum]) => `${checksum}  ${name}\n`)
  writeFileSync(join(tree.root, RECORD), rows.join(''))
}

function readRecord(tree: SourceTree): Map<string, string> {
  if (!tree.files.includes(RECORD)) return new Map()
  const rows = tree.read(RECORD).split('\n').filter(Boolean)
  return new Map(
    rows.map((row) => {
      const [checksum = '', name = ''] = row.split('  ')
      return [name, checksum]
    }),
  )
}
