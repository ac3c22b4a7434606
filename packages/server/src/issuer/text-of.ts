/** Parameters of the library are of any type; ours are text or absent. */

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
