/**
 * Writes the tables of docs/limits.md and docs/errors.md from the catalogues in the code.
 *
 *   node scripts/catalogue-docs.ts           writes them
 *   node scripts/catalogue-docs.ts --check   exits 1 if they are not up to date
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { ERROR_CODES } from '@keydesk/contract'

const ROOT = resolve(import.meta.dirname, '..')

const LIMIT_CATALOGUES = [
  { title: 'The HTTP API and its formats', source: 'packages/contract/src/limits.ts' },
  { title: 'BitLocker volumes', source: 'packages/bitlocker/src/limits.ts' },
  { title: 'Partition tables', source: 'packages/bitlocker/src/partition-table-limits.ts' },
  { title: 'The agent', source: 'packages/agent/src/limits.ts' },
  { title: 'The `keydesk` command', source: 'packages/cli/src/limits.ts' },
] as const

/** A doc comment, then the limits that it is about: entries of an object or exported constants. */
const LIMIT =
  /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n((?:(?: {2}[a-z]\w*: .+,|export const [A-Z]\w* = [^{\n]+)\n)+)/g

function limitRows(source: string): string[] {
  const text = readFileSync(resolve(ROOT, source), 'utf8')
  return [...text.matchAll(LIMIT)].flatMap(([, comment = '', lines = '']) => {
    const reason = comment.replace(/\n? *\* ?/g, ' ').trim()
    return lines
      .trimEnd()
      .split('\n')
      .map((line) => {
        const [, name = '', value = ''] =
          /^(?: {2}|export const )(\w+)(?::| =) (.+?),?$/.exec(line) ?? []
        return `| \`${name}\` | ${value.replaceAll('_', ' ')} | ${reason} |`
      })
  })
}

function limitsPage(): string {
  const sections = LIMIT_CATALOGUES.map(({ title, source }) =>
    [`## ${title}`, '', '| limit | value | why |', '|---|---|---|', ...limitRows(source)].join(
      '\n',
    ),
  )
  return `# Limits

Every input has a bound, and every bound has a reason.
Written by \`node scripts/catalogue-docs.ts\` from the code; change it there.

${sections.join('\n\n')}
`
}

function errorsPage(): string {
  const rows = Object.entries(ERROR_CODES).map(
    ([code, { status, title }]) => `| \`${code}\` | ${status} | ${title} |`,
  )
  return `# Errors

Errors are RFC 9457 problem details (\`application/problem+json\`): \`code\` is stable and for
programs, \`detail\` is for people and says what is wrong this time and what to do, \`requestId\`
finds the lines in the server's log. None of them ever holds a secret. What to do about each status:
[HTTP status](http-status.md).
Written by \`node scripts/catalogue-docs.ts\` from the code; change it there.

| code | status | title |
|---|---|---|
${rows.join('\n')}
`
}

const PAGES = [
  { file: 'docs/limits.md', text: limitsPage() },
  { file: 'docs/errors.md', text: errorsPage() },
]

for (const { file, text } of PAGES) {
  const path = resolve(ROOT, file)
  if (!process.argv.includes('--check')) {
    writeFileSync(path, text)
  } else if (readFileSync(path, 'utf8') !== text) {
    console.error(`${file} is not up to date; run: node scripts/catalogue-docs.ts`)
    process.exitCode = 1
  }
}
