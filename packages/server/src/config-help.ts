/** The table of environment variables as text (`--help`) and as Markdown (docs/operations.md). */

import { VARIABLES } from './config.ts'

const COLUMNS_MAX = 78

export function helpText(): string {
  const variables = Object.values(VARIABLES).map(({ name, unit, default: given, ...rest }) => {
    const value = given === undefined ? 'not set' : `default ${given}`
    return [
      `  ${name}  (${unit}; ${value})`,
      ...wrapped(rest.description, COLUMNS_MAX - 6).map((line) => `      ${line}`),
      `      Example: ${rest.example}\n`,
    ].join('\n')
  })
  return `Keydesk server

Usage: node packages/server/src/main.ts
           start the server
       node packages/server/src/main.ts administrator-link
           print a new link for a first administrator, of a running server

It is configured by environment variables. Durations are a whole number followed
by s, m, h or d.

${variables.join('\n')}`
}

export function markdownTable(): string {
  const rows = Object.values(VARIABLES).map(({ name, unit, default: given, ...rest }) => {
    const value = given === undefined ? 'not set' : `\`${given}\``
    return `| \`${name}\` | ${unit} | ${value} | \`${rest.example}\` | ${rest.description} |`
  })
  return [
    '| variable | unit | default | example | meaning |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}

function wrapped(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line]
}
