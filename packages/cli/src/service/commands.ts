/**
 * The parts that the commands of a service are made of: a list, one thing with its fields, a
 * change. A group of commands is a file that puts these together (docs/cli.md has the recipe).
 * Invariant: with --json the answer is one JSON value on standard output, as the API has it.
 */
import { Command } from 'commander'
import { print, printJson } from '../print.ts'
import { positiveInteger } from './option-values.ts'
import { renderFields, renderTable, type Cell, type Column } from './render-table.ts'
import { Service, type Query } from './service.ts'
import { withServiceOptions, type ServiceOptions } from './service-options.ts'

/** A group of commands, such as `keydesk users`. */
export function commandGroup(name: string, description: string, commands: Command[]): Command {
  const group = new Command(name)
    .description(description)
    .helpCommand(false)
    .configureHelp({ subcommandTerm: (command) => command.name() })
  for (const command of commands) group.addCommand(command)
  return group
}

interface ListShape<T, O> {
  readonly description: string
  /** Arguments and options besides --limit. */
  readonly declare?: (command: Command) => Command
  readonly name?: string
  readonly path: Path<O>
  readonly query?: (service: Service, options: O) => Query | Promise<Query>
  readonly columns: readonly Column<T>[]
  /** What is printed instead of an empty table. */
  readonly none: string
}

type Path<O> = string | ((service: Service, args: readonly string[], options: O) => Promise<string>)

interface ListOptions extends ServiceOptions {
  readonly limit?: number
}

/** `list`: every page of a list, or the first items of it. */
export function listCommand<T, O extends object = object>(shape: ListShape<T, O>): Command {
  const { declare = (command) => command, path, query, columns, none } = shape
  const command = new Command(shape.name ?? 'list').description(shape.description)
  declare(command).option('--limit <n>', 'only the first so many', positiveInteger)
  return onService<ListOptions & O>(command, async (service, args, options) => {
    const where = typeof path === 'string' ? path : await path(service, args, options)
    const items = await service.list<T>(where, await query?.(service, options), options.limit)
    if (options.json === true) return { json: { items } }
    return { text: items.length === 0 ? `${none}\n` : renderTable(columns, items) }
  })
}

interface ShowShape<T> {
  readonly description: string
  /** What the argument is, such as `user principal name or ID`. */
  readonly argument: readonly [name: string, description: string]
  readonly path: (service: Service, name: string) => Promise<string>
  readonly fields: (item: T) => Fields
  readonly name?: string
}

/** Lines of `name  value`. */
export type Fields = readonly (readonly [name: string, value: Cell | readonly Cell[]])[]

/** `show`: one thing with its fields. */
export function showCommand<T>({ description, argument, path, fields, name }: ShowShape<T>) {
  const command = new Command(name ?? 'show').description(description).argument(...argument)
  return onService(command, async (service, [text = '']) => {
    const item = await service.get<T>(await path(service, text))
    return { json: item, text: renderFields(fields(item)) }
  })
}

interface Outcome {
  readonly json?: unknown
  readonly text?: string
}

type Work<O> = (
  service: Service,
  args: readonly string[],
  options: ServiceOptions & O,
) => Promise<Outcome>

/** Any other command: does its work, and what it returns is printed. */
export function onService<O extends object = object>(command: Command, work: Work<O>): Command {
  return withServiceOptions(command).action(async (...given: unknown[]) => {
    // Commander passes the arguments, then the options, then the command.
    const args = given
      .slice(0, -2)
      .flat()
      .filter((arg): arg is string => typeof arg === 'string')
    const options = command.opts<ServiceOptions & O>()
    const service = await Service.open(options)
    const { json, text } = await work(service, args, options)
    if (options.json === true && json !== undefined) await printJson(json)
    else if (text !== undefined && options.json !== true) await print(text)
  })
}

/** A command of any name with its arguments. */
export function newCommand(
  name: string,
  description: string,
  args: readonly (readonly [name: string, description: string])[] = [],
): Command {
  const command = new Command(name).description(description)
  for (const arg of args) command.argument(...arg)
  return command
}
