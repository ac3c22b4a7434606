/**
 * Fields that a spreadsheet would take for a formula. An export puts an apostrophe before them, as
 * OWASP advises, and an import takes it away again, so what is exported and imported is the same.
 */

const FORMULA = /^'*[=+\-@\t\r]/

export function toCsvText(value: string): string {
  return FORMULA.test(value) ? `'${value}` : value
}

export function fromCsvText(text: string): string {
  return text.startsWith("'") && FORMULA.test(text) ? text.slice(1) : text
}
