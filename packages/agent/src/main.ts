/**
 * The process: the only place that touches process, console and the real clock, network and chance.
 */
import { runCli } from './cli.ts'
import { systemClock } from './clock.ts'

/** Run the command line of this process; sets its exit code. */
export async function main(): Promise<void> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // The second one ends the process as usual, should the first not be enough.
    process.once(signal, () => stop.abort(new Error(signal)))
  }
  process.exitCode = await runCli(process.argv.slice(2), {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    stdin: () => readStdin(),
    deps: { fetch: (url, init) => fetch(url, init), clock: systemClock, random: Math.random },
    signal: stop.signal,
  })
}

/** Standard input up to its first line end or its end, at most 8 KiB. */
async function readStdin(): Promise<string> {
  let text = ''
  process.stdin.setEncoding('utf8')
  for await (const chunk of process.stdin as AsyncIterable<string>) {
    text += chunk
    if (text.includes('\n') || text.length > 8192) break
  }
  return text
}

if (import.meta.main) await main()
