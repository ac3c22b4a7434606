/** What is wrong in a CSV file: the first errors by line, and how many there are. */

import { LIMITS, type ImportResult } from '@keydesk/contract'

export class ImportErrors {
  #count = 0
  readonly #errors: ImportResult['errors'] = []

  /** The message never repeats more of the file than a name. */
  add(line: number, message: string, column?: string): void {
    this.#count += 1
    if (this.#errors.length >= LIMITS.csvErrorsMax) return
    this.#errors.push({ line, ...(column === undefined ? {} : { column }), message })
  }

  get count(): number {
    return this.#count
  }

  get list(): ImportResult['errors'] {
    return this.#errors.toSorted((a, b) => a.line - b.line)
  }
}
