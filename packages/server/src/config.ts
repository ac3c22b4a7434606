/**
 * Every environment variable of the server, in one table: name, unit, default, example, meaning.
 *
 * `--help` and the table in docs/operations.md are printed from it, so neither can be wrong. Only
 * `main.ts` reads the environment; it passes it to `readConfig`, which lists everything that is
 * wrong at once instead of the first mistake only.
 */

import { join } from 'node:path'
import { SIGN_IN_VARIABLES, signInProblems } from './config-sign-in.ts'
import * as values from './config-values.ts'
import { variable } from './config-variable.ts'
import { StartError } from './errors.ts'

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

export const VARIABLES = {
  dataDir: variable({
    name: 'KEYDESK_DATA_DIR',
    unit: 'directory',
    default: './data',
    example: '/var/lib/keydesk',
    description: 'Where the embedded PostgreSQL and the vault key live. Made at the first run.',
    parse: values.path,
  }),
  databaseUrl: variable({
    name: 'DATABASE_URL',
    unit: 'URL',
    default: undefined,
    example: 'postgres://keydesk:secret@db.keydesk.example/keydesk',
    description:
      'An existing PostgreSQL (15 or newer) to use instead of the embedded one. ' +
      'Any number of servers may share it.',
    parse: values.postgresUrl,
  }),
  databasePoolMax: variable({
    name: 'KEYDESK_DATABASE_POOL',
    unit: 'connections',
    default: '16',
    example: '32',
    description: 'Most connections to PostgreSQL that this server holds.',
    parse: values.integer({ min: 2, max: 500 }),
  }),
  vaultKeyFile: variable({
    name: 'KEYDESK_VAULT_KEY_FILE',
    unit: 'file',
    default: undefined,
    example: '/etc/keydesk/vault-key.json',
    description:
      'The private keys of this deployment; without them no stored recovery password can be ' +
      'read. Without this variable: vault-key.json in KEYDESK_DATA_DIR.',
    parse: values.path,
  }),
  host: variable({
    name: 'KEYDESK_HOST',
    unit: 'address',
    default: '127.0.0.1',
    example: '0.0.0.0',
    description:
      'Address to listen on. The default is reachable from this machine only: put a TLS proxy ' +
      'before it.',
    parse: values.host,
  }),
  port: variable({
    name: 'KEYDESK_PORT',
    unit: 'TCP port',
    default: '8080',
    example: '8443',
    description: 'Port to listen on. 0 takes any free one; KEYDESK_ORIGIN is needed then.',
    parse: values.integer({ min: 0, max: 65_535 }),
  }),
  origin: variable({
    name: 'KEYDESK_ORIGIN',
    unit: 'URL',
    default: undefined,
    example: 'https://keydesk.example',
    description:
      'The address that devices and browsers use, without a path. Devices sign their requests ' +
      'for it. Without this variable: http://localhost and the port.',
    parse: values.webOrigin,
  }),
  trustedProxies: variable({
    name: 'KEYDESK_TRUSTED_PROXIES',
    unit: 'addresses',
    default: undefined,
    example: '10.0.0.5,192.168.0.0/24',
    description:
      'Proxies whose X-Forwarded-For header is believed. Without this variable: none, and the ' +
      'header is ignored.',
    parse: values.proxyList,
  }),
  logLevel: variable({
    name: 'KEYDESK_LOG_LEVEL',
    unit: 'level',
    default: 'info',
    example: 'warn',
    description: 'Least severe level that is logged: debug, info, warn or error.',
    parse: values.oneOf('debug', 'info', 'warn', 'error'),
  }),
  logFormat: variable({
    name: 'KEYDESK_LOG_FORMAT',
    unit: 'format',
    default: 'auto',
    example: 'json',
    description:
      'json: one JSON object a line, for machines. text: a line for people. auto: text on a ' +
      'terminal, json elsewhere.',
    parse: values.oneOf('auto', 'json', 'text'),
  }),
  rotationDelaySeconds: variable({
    name: 'KEYDESK_ROTATION_DELAY',
    unit: 'duration',
    default: '60m',
    example: '2h',
    description:
      'How long a recovery password that was shown still works before the device is told to ' +
      'replace it.',
    parse: values.duration({ min: 0, max: 7 * DAY }),
  }),
  disclosureSeconds: variable({
    name: 'KEYDESK_DISCLOSURE_SECONDS',
    unit: 'seconds',
    default: '300',
    example: '120',
    description: 'How long the portal shows a recovery password.',
    parse: values.integer({ min: 10, max: 3600 }),
  }),
  disclosureBudget: variable({
    name: 'KEYDESK_DISCLOSURE_BUDGET',
    unit: 'count/duration',
    default: '30/1h',
    example: '200/1h',
    description: 'Most recovery passwords that one person or program is shown in that time.',
    parse: values.budget,
  }),
  lookUpRate: variable({
    name: 'KEYDESK_LOOK_UP_RATE',
    unit: 'count/duration',
    default: '600/1m',
    example: '3000/1m',
    description:
      'Most requests from one address that look keys up or show them, in that time and for each ' +
      'server. More if a whole helpdesk comes from one address.',
    parse: values.budget,
  }),
  checkInIntervalSeconds: variable({
    name: 'KEYDESK_CHECK_IN_INTERVAL',
    unit: 'duration',
    default: '1h',
    example: '15m',
    description: 'How often devices report.',
    parse: values.duration({ min: 10, max: 7 * DAY }),
  }),
  shutdownGraceSeconds: variable({
    name: 'KEYDESK_SHUTDOWN_GRACE',
    unit: 'duration',
    default: '20s',
    example: '60s',
    description: 'How long a stop waits for requests in flight before it cuts them off.',
    parse: values.duration({ min: 1, max: HOUR }),
  }),
  ...SIGN_IN_VARIABLES,
} as const

type Variables = typeof VARIABLES
type Parsed = { readonly [K in keyof Variables]: ReturnType<Variables[K]['parse']> | undefined }
type WithDefault = {
  [K in keyof Variables]: Variables[K]['default'] extends string ? K : never
}[keyof Variables]

/** Without a default: undefined where it is not given. */
type Optional =
  | 'databaseUrl'
  | 'oidcIssuer'
  | 'oidcClientId'
  | 'oidcClientSecretFile'
  | 'oidcPrivateKeyFile'
  | 'oidcAudience'
  | 'oidcClaimId'
  | 'oidcClaimUpn'
  | 'oidcStepUpAcr'
  | 'oidcCliClientId'
  | 'oidcAgentClientId'
  | 'oidcApiScopePrefix'

/** Names end in their unit; every duration is in seconds. */
export type Config = {
  readonly [K in keyof Variables]: K extends Optional
    ? ReturnType<Variables[K]['parse']> | undefined
    : ReturnType<Variables[K]['parse']>
}

export interface ReadConfig {
  readonly config: Config
  /** Sentences about variables that look like ours and are not. */
  readonly warnings: readonly string[]
}

/**
 * @throws StartError that lists every variable with a wrong value, each with what is wrong and an
 * example. It never repeats a value.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): ReadConfig {
  const problems: string[] = []
  const parsed: Record<string, unknown> = {}
  for (const [key, declared] of Object.entries(VARIABLES)) {
    const text = env[declared.name]?.trim()
    const given = text === undefined || text === '' ? declared.default : text
    if (given === undefined) continue
    try {
      parsed[key] = declared.parse(given)
    } catch (error) {
      if (!(error instanceof values.ConfigValueError)) throw error
      problems.push(`${declared.name} is wrong: ${error.message}. Example: ${declared.example}`)
    }
  }
  if (parsed['port'] === 0 && parsed['origin'] === undefined) {
    problems.push(
      'KEYDESK_ORIGIN is missing: with KEYDESK_PORT=0 the port does not tell the address. ' +
        `Example: ${VARIABLES.origin.example}`,
    )
  }
  problems.push(...signInProblems(env))
  if (problems.length > 0) throw new StartError(problems.join('\n'))
  return { config: withDerived(parsed as Parsed), warnings: unknownVariables(env) }
}

function optionalOf(parsed: Parsed): { readonly [K in Optional]: Parsed[K] } {
  return {
    databaseUrl: parsed.databaseUrl,
    oidcIssuer: parsed.oidcIssuer,
    oidcClientId: parsed.oidcClientId,
    oidcClientSecretFile: parsed.oidcClientSecretFile,
    oidcPrivateKeyFile: parsed.oidcPrivateKeyFile,
    oidcAudience: parsed.oidcAudience,
    oidcClaimId: parsed.oidcClaimId,
    oidcClaimUpn: parsed.oidcClaimUpn,
    oidcStepUpAcr: parsed.oidcStepUpAcr,
    oidcCliClientId: parsed.oidcCliClientId,
    oidcAgentClientId: parsed.oidcAgentClientId,
    oidcApiScopePrefix: parsed.oidcApiScopePrefix,
  }
}

/** The defaults that depend on another variable. */
function withDerived(parsed: Parsed): Config {
  const given = parsed as Parsed & { readonly [K in WithDefault]: NonNullable<Parsed[K]> }
  return {
    ...given,
    ...optionalOf(parsed),
    vaultKeyFile: parsed.vaultKeyFile ?? join(given.dataDir, 'vault-key.json'),
    origin: parsed.origin ?? `http://localhost:${given.port}`,
    trustedProxies: parsed.trustedProxies ?? [],
  }
}

function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = Object.values(VARIABLES).map((declared): string => declared.name)
  return Object.keys(env)
    .filter((name) => name.startsWith('KEYDESK_') && !known.includes(name))
    .map(
      (name) => `${name} is not a variable of this server; did you mean ${nearest(name, known)}?`,
    )
}

function nearest(name: string, candidates: readonly string[]): string {
  const ranked = candidates.map((candidate) => ({
    candidate,
    edits: editDistance(name, candidate),
  }))
  ranked.sort((a, b) => a.edits - b.edits)
  return ranked[0]?.candidate ?? ''
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= b.length; column += 1) {
      const substitution = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      const insertion = (current[column - 1] ?? 0) + 1
      const deletion = (previous[column] ?? 0) + 1
      current.push(Math.min(substitution, insertion, deletion))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
