/**
 * Golden command files: a transcript of `keydesk` commands is run again in an empty folder and must
 * come out as it is written. Each line's first character says what it is:
 *
 *   $ keydesk …   a command           < what it reads from standard input
 *   @ …           a step of the test  | standard output    ! standard error    = exit code
 *
 * Everything else is prose. What differs from run to run gets a name at its first appearance:
 * [password-1], [id-1] for a GUID ([ID-1] in upper case), [time]. A name may be used as input.
 */
import { join } from 'node:path'
import { runKeydesk } from './volume-process.ts'

/** What a `@` line does; its result, if any, is shown as standard output. */
export type Step = (folder: string, args: readonly string[]) => Promise<string | undefined>

interface Entry {
  readonly prose: string[]
  readonly line?: string
  readonly input: string[]
}

/** The transcript as it is now. */
export async function replay(
  transcript: string,
  folder: string,
  steps: Readonly<Record<string, Step>>,
): Promise<string> {
  const names = new Names()
  const lines: string[] = []
  for (const { prose, line, input } of parse(transcript)) {
    lines.push(...prose)
    if (line === undefined) continue
    lines.push(line, ...input.map((text) => `< ${text}`))
    const [program = '', ...args] = names.resolve(line.slice(2)).split(' ')
    if (line.startsWith('@')) {
      const step = steps[program]
      if (!step) throw new Error(`There is no step "${program}"`)
      const output = await step(folder, args)
      lines.push(...marked('|', names.hide(output ?? '')))
      continue
    }
    const stdin = input.map((text) => `${names.resolve(text)}\n`).join('')
    const outcome = await runKeydesk(args, { cwd: folder, input: stdin })
    lines.push(...marked('|', names.hide(outcome.stdout)))
    lines.push(...marked('!', names.hide(outcome.stderr)))
    lines.push(`= ${outcome.exitCode ?? outcome.signal}`)
  }
  return `${lines.join('\n')}\n`
}

export const pathIn = (folder: string, name = ''): string => join(folder, name)

function parse(transcript: string): Entry[] {
  const entries: Entry[] = []
  let prose: string[] = []
  for (const line of transcript.replace(/\n$/, '').split('\n')) {
    if (/^[$@] /.test(line)) {
      entries.push({ prose, line, input: [] })
      prose = []
    } else if (line.startsWith('< ')) {
      entries.at(-1)?.input.push(line.slice(2))
    } else if (!/^[|!=]( |$)/.test(line)) {
      prose.push(line)
    }
  }
  return [...entries, { prose, input: [] }]
}

function marked(mark: string, text: string): string[] {
  if (text === '') return []
  const lines = text.replace(/\n$/, '').split('\n')
  return lines.map((line) => `${mark} ${line}`.trimEnd())
}

/** Names for values, both ways. */
class Names {
  readonly #known = new Map<string, string>()

  hide(text: string): string {
    return text
      .replaceAll(/(?:\d{6}-){7}\d{6}/g, (password) => this.#nameOf(password, 'password'))
      .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi, (guid) => {
        const name = this.#nameOf(guid.toLowerCase(), 'id')
        return guid === guid.toLowerCase() ? name : name.toUpperCase()
      })
      .replaceAll(
        /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z|\d{4}-\d\d-\d\d \d\d:\d\d UTC/g,
        '[time]',
      )
  }

  resolve(text: string): string {
    return text.replaceAll(/\[((?:password|id)-\d+)\]/gi, (name) => {
      for (const [value, known] of this.#known) {
        if (known === name) return value
        if (known.toUpperCase() === name) return value.toUpperCase()
      }
      throw new Error(`Nothing is called ${name} yet`)
    })
  }

  #nameOf(value: string, kind: string): string {
    const known = this.#known.get(value)
    if (known !== undefined) return known
    const count = [...this.#known.values()].filter((name) => name.startsWith(`[${kind}-`)).length
    const name = `[${kind}-${count + 1}]`
    this.#known.set(value, name)
    return name
  }
}
