/**
 * What a rotation prints. Invariant: the new recovery password is out, and durable where standard
 * output is a file, before the old one is removed; so the JSON object is printed in two parts, and
 * is complete in every case.
 */
import { print, printDurably } from '../print.ts'
import { screenId } from './words.ts'

export interface AddedPassword {
  readonly id: string
  readonly recoveryPassword: string
  /** The file that holds it durably; people are sent there instead of being shown it. */
  readonly savedIn?: string | undefined
}

export interface RotationOutput {
  /** Once, before `removed`. Throws CommandError OUTPUT. */
  readonly added: (added: AddedPassword) => Promise<void>
  /** Once, with nothing when nothing was removed for certain. */
  readonly removed: (ids: readonly string[]) => Promise<void>
}

export const JSON_OUTPUT: RotationOutput = {
  added: ({ id, recoveryPassword }) =>
    printDurably(`{"added":${JSON.stringify({ id, recoveryPassword })},`),
  removed: (ids) => print(`"removed":${JSON.stringify(ids)}}\n`),
}

export const TEXT_OUTPUT: RotationOutput = {
  added: ({ id, recoveryPassword, savedIn }) =>
    printDurably(
      row('New recovery key ID', screenId(id)) +
        row('New recovery password', savedIn === undefined ? recoveryPassword : `in ${savedIn}`),
    ),
  removed: async (ids) => {
    for (const id of ids) await print(row('Removed', screenId(id)))
  },
}

/** Each row is printed when its step is done, so the width is fixed. */
function row(label: string, value: string): string {
  return `${label.padEnd('New recovery password'.length)}  ${value}\n`
}
