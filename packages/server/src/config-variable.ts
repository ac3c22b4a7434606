/** How one environment variable of the server is declared. */

export interface Variable<T, D extends string | undefined> {
  readonly name: string
  readonly unit: string
  /** As text. `undefined`: the description says what happens without it. */
  readonly default: D
  readonly example: string
  readonly description: string
  readonly parse: (text: string) => T
}

/** Keeps each variable's own type through the table. */
export function variable<T, const D extends string | undefined>(
  declared: Variable<T, D>,
): Variable<T, D> {
  return declared
}
