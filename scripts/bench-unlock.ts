/**
 * `npm run bench:unlock [-- --runs N] [-- --json]`: how long `keydesk volume verify` takes with a
 * recovery password, against `cryptsetup open --test-passphrase` on the same image; whole commands,
 * taking turns. The image is one that `keydesk volume create` makes: a startup key and one recovery
 * password, so each command stretches once.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

/** Odd, so that the median is a measured value. */
const DEFAULT_RUNS = 21
const MAX_RUNS = 1001
const RATIO_MAX = 3.5
const RATIO_AIM = 2.5
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`
const KEYDESK = resolve(import.meta.dirname, '../packages/cli/bin/keydesk.js')

interface Times {
  /** Milliseconds. */
  readonly median: number
  readonly fastest: number
  readonly slowest: number
}

const { values } = parseArgs({ options: { json: { type: 'boolean' }, runs: { type: 'string' } } })
const runs = Number(values.runs ?? DEFAULT_RUNS)
if (!Number.isInteger(runs) || runs < 1 || runs > MAX_RUNS) {
  throw new Error(`--runs takes a number from 1 to ${MAX_RUNS}`)
}

const folder = mkdtempSync(join(tmpdir(), 'keydesk-bench-'))
try {
  bench(folder)
} finally {
  rmSync(folder, { recursive: true })
}

function bench(directory: string): void {
  const image = join(directory, 'volume.img')
  const startupKey = join(directory, 'volume.bek')
  const password = join(directory, 'password.txt')
  const create = [KEYDESK, 'volume', 'create', image, '--size', '64M']
  const created = run(process.execPath, [...create, '--startup-key-out', startupKey, '--json'])
  const { recoveryPassword } = JSON.parse(created) as { recoveryPassword: string }
  writeFileSync(password, recoveryPassword, { mode: 0o600 })

  const verify = [KEYDESK, 'volume', 'verify', image, '--recovery-password-file', password]
  const open = ['open', '--type', 'bitlk', '--test-passphrase', '-r', '--key-file', password, image]
  const haveCryptsetup =
    spawnSync('cryptsetup', ['--version'], { env: { PATH } }).error === undefined
  if (!haveCryptsetup) {
    process.stderr.write(
      'SKIP: cryptsetup is not on this machine, so there is nothing to compare with\n',
    )
  }
  const keydesk: number[] = []
  const cryptsetup: number[] = []
  // The first turn fills caches (the compile cache of Node among them) and does not count.
  for (let turn = 0; turn <= runs; turn++) {
    const own = time(process.execPath, [...verify, '--json'])
    const theirs = haveCryptsetup ? time('cryptsetup', open) : undefined
    if (turn === 0) continue
    keydesk.push(own)
    if (theirs !== undefined) cryptsetup.push(theirs)
  }
  report(summary(keydesk), haveCryptsetup ? summary(cryptsetup) : undefined)
}

function report(keydesk: Times, cryptsetup: Times | undefined): void {
  const ratio = cryptsetup && Number((keydesk.median / cryptsetup.median).toFixed(2))
  console.log(`One recovery password against one volume, ${runs} times each, milliseconds:\n`)
  console.log(
    `${''.padEnd(40)}${'median'.padStart(9)}${'fastest'.padStart(9)}${'slowest'.padStart(9)}`,
  )
  row('keydesk volume verify', keydesk)
  if (cryptsetup) row('cryptsetup open --test-passphrase', cryptsetup)
  if (ratio !== undefined) {
    const judgement =
      ratio <= RATIO_AIM ? 'within the aim' : ratio <= RATIO_MAX ? 'within the limit' : 'TOO SLOW'
    console.log(`\nratio ${ratio} (limit ${RATIO_MAX}, aim ${RATIO_AIM}): ${judgement}`)
  }
  if (values.json === true) {
    const comparison = cryptsetup && { cryptsetup, ratio, ratioMax: RATIO_MAX, ratioAim: RATIO_AIM }
    console.log(JSON.stringify({ bench: 'unlock', unit: 'ms', runs, keydesk, ...comparison }))
  }
}

function row(name: string, { median, fastest, slowest }: Times): void {
  const cells = [median, fastest, slowest].map((value) => value.toFixed(0).padStart(9))
  console.log(`${name.padEnd(40)}${cells.join('')}`)
}

function summary(times: readonly number[]): Times {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (index: number) => Number((sorted[index] ?? Number.NaN).toFixed(1))
  return { median: at(sorted.length >> 1), fastest: at(0), slowest: at(sorted.length - 1) }
}

function time(command: string, args: readonly string[]): number {
  const started = performance.now()
  run(command, args)
  return performance.now() - started
}

/**
 * Its output; throws when it does not end well, since a fast failure must not count as a fast
 * success.
 */
function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, PATH },
  })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr}`)
  return stdout
}
