#!/usr/bin/env node
/**
 * Starts `keydesk-agent` whatever the machine's Node is, in the manner of packages/cli/bin: Node 24
 * and later runs the TypeScript sources as they are, an older one hands over to the `node` that
 * `npm ci` installed. Plain JavaScript without anything newer than Node 20.
 * Invariant: arguments, streams, signals and exit code pass through.
 */
// tsc does not read JavaScript, so there are no types to be safe with.
/* oxlint-disable typescript/no-unsafe-argument, typescript/no-unsafe-assignment */
/* oxlint-disable typescript/no-unsafe-call, typescript/no-unsafe-member-access */
/* oxlint-disable typescript/no-unsafe-return */
import { spawn } from 'node:child_process'
import module from 'node:module'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const NODE_MAJOR_MIN = 24

if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR_MIN) {
  const { main } = await import('../src/main.ts')
  await main()
} else {
  const node = installedNode()
  if (node === undefined) {
    refuse(`it needs Node ${NODE_MAJOR_MIN}, this is ${process.versions.node}: run "npm ci" first.`)
  } else {
    handOver(node)
  }
}

function installedNode() {
  try {
    const { resolve } = module.createRequire(import.meta.url)
    const name = process.platform === 'win32' ? 'node.exe' : 'node'
    return join(dirname(resolve('node/package.json')), 'bin', name)
  } catch {
    return undefined
  }
}

function handOver(node) {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)]
  const child = spawn(node, args, { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => child.kill(signal))
  }
  child.on('error', (error) => refuse(`${node} cannot be started (${error.message}).`))
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code ?? 2
    } else {
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    }
  })
}

function refuse(why) {
  process.stderr.write(`keydesk-agent: ${why}\n`)
  process.exitCode = 2
}
