/**
 * Writes the tables of docs/roles.md from the contract: which role may do what, what an app role
 * gives, which route asks for what.
 *
 *   node scripts/roles-docs.ts            write them
 *   node scripts/roles-docs.ts --check    exit 1 if the page and the code differ
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import {
  API_SCOPES,
  BUILT_IN_ROLES,
  PERMISSIONS,
  PERMISSION_NAMES,
  ROLE_PERMISSIONS,
  type ApiScope,
  type RoutePermission,
} from '@keydesk/contract'

const FILE = resolve(import.meta.dirname, '../docs/roles.md')

function roleTable(): string {
  const letters = BUILT_IN_ROLES.map((_, place) => String.fromCodePoint(65 + place))
  const legend = BUILT_IN_ROLES.map(
    (role, place) =>
      `| ${letters[place]} | ${role.displayName} | \`${role.id}\` | ${role.description} |`,
  )
  const rows = ROLE_PERMISSIONS.map((permission) => {
    const marks = BUILT_IN_ROLES.map((role) => (role.permissions.includes(permission) ? '●' : ' '))
    return `| \`${permission}\` | ${PERMISSION_NAMES[permission]} | ${marks.join(' | ')} |`
  })
  return [
    '| | role | template ID | |',
    '|---|---|---|---|',
    ...legend,
    '',
    `| permission | lets | ${letters.join(' | ')} |`,
    `|---|---|${'---|'.repeat(letters.length)}`,
    ...rows,
  ].join('\n')
}

function scopeTable(): string {
  const scopes = Object.entries(API_SCOPES) as [string, ApiScope][]
  return [
    '| name | of a program | of a person | covers |',
    '|---|---|---|---|',
    ...scopes.map(([name, { kinds, permissions }]) => {
      const mark = (kind: ApiScope['kinds'][number]): string => (kinds.includes(kind) ? '●' : ' ')
      const covered =
        permissions === 'everything'
          ? 'whatever the person may do'
          : permissions.map((permission) => `\`${permission}\``).join(', ')
      return `| \`${name}\` | ${mark('application')} | ${mark('delegated')} | ${covered} |`
    }),
  ].join('\n')
}

function routeTable(): string {
  const rows = Object.entries(PERMISSIONS) as [string, RoutePermission][]
  return [
    '| route | for | permission |',
    '|---|---|---|',
    ...rows.map(([route, { audience, permission, orPermission }]) => {
      const names = [permission, ...(orPermission === undefined ? [] : [orPermission])]
      return `| \`${route}\` | ${audience} | ${names.map((name) => `\`${name}\``).join(' or ')} |`
    }),
  ].join('\n')
}

const TABLES: Readonly<Record<string, () => string>> = {
  roles: roleTable,
  scopes: scopeTable,
  routes: routeTable,
}

const page = readFileSync(FILE, 'utf8')
const current = page.replaceAll(
  /(<!-- table: (\w+), by scripts\/roles-docs\.ts -->\n)[^]*?(<!-- end -->)/g,
  (_, start: string, name: string, end: string) => {
    const table = TABLES[name]
    if (table === undefined) throw new Error(`there is no table ${name}`)
    return `${start}\n${table()}\n\n${end}`
  },
)
if (!process.argv.includes('--check')) {
  writeFileSync(FILE, current)
} else if (page !== current) {
  console.error('docs/roles.md is stale; run: node scripts/roles-docs.ts')
  process.exitCode = 1
}
