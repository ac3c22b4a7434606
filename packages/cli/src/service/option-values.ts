/** What options may hold, checked before anything is sent. */
import { InvalidArgumentError } from 'commander'

const UNITS = { m: 60, h: 3_600, d: 86_400 } as const

export function positiveInteger(text: string): number {
  const number = Number(text)
  if (/^[1-9]\d{0,8}$/.test(text)) return number
  throw new InvalidArgumentError('It is a number from 1.')
}

/** `30m`, `12h`, `90d` → seconds. */
export function duration(text: string): number {
  const [, digits = '', unit = 'd'] = /^([1-9]\d{0,5})([mhd])$/.exec(text) ?? []
  if (digits !== '') return Number(digits) * UNITS[unit as keyof typeof UNITS]
  throw new InvalidArgumentError('Write it like 30m, 12h or 90d.')
}

/** A moment: RFC 3339, or a duration from now. Returns RFC 3339. */
export function moment(text: string): string {
  if (/^\d+[mhd]$/.test(text)) return new Date(Date.now() + duration(text) * 1000).toISOString()
  const date = new Date(text)
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(date.getTime())) return date.toISOString()
  throw new InvalidArgumentError('Write it like 90d or 2027-01-31 or 2027-01-31T18:00:00Z.')
}

/** For an option that may be given several times. */
export function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text]
}
