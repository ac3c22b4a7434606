/**
 * The `keydesk` command. Invariant: it ends with 0, 1 or 2 (docs of each command), or 128 plus the
 * number of the signal that interrupted it; what it printed is out before it ends.
 */
import { runCommandLine } from './run-command-line.ts'

// Not by emptying the event loop: a read from a terminal or a pipe may wait there for ever.
process.exit(await runCommandLine(process.argv.slice(2)))
