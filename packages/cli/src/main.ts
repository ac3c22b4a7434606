/**
 * The `keydesk` command. Invariant: it ends with 0, 1 or 2 (docs of each command), or by the signal
 * that interrupted it; what it printed is out before it ends.
 */
import { dieIfInterrupted } from './interruption.ts'
import { runCommandLine } from './run-command-line.ts'

const exitCode = await runCommandLine(process.argv.slice(2))
dieIfInterrupted()
// Not by emptying the event loop, which a terminal or a pipe could keep waiting.
process.exit(exitCode)
