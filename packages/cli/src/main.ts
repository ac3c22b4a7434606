/**
 * The `keydesk` command. Invariant: it ends with 0, 1 or 2 (docs of each command), or by the signal
 * that interrupted it; what it printed is out before it ends.
 */
const args = process.argv.slice(2)

if (args.includes('--recovery-password-file')) {
  // Trying a password needs a thread, which takes as long to start as the rest takes to load.
  const { prepareStretch } = await import('@keydesk/bitlocker/stretch')
  prepareStretch()
}

const { dieIfInterrupted } = await import('./interruption.ts')
const { runCommandLine } = await import('./run-command-line.ts')
const exitCode = await runCommandLine(args)
dieIfInterrupted()
// Not by emptying the event loop, which a terminal or a pipe could keep waiting.
process.exit(exitCode)
