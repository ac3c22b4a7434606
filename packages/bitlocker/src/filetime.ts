/** Windows FILETIME: 100 ns since 1601-01-01 UTC, as u64 (docs/spec/fve-metadata.md, "Scalars"). */

const UNIX_EPOCH = 116_444_736_000_000_000n
const TICKS_PER_MILLISECOND = 10_000n

/** Every u64 is a date that JavaScript can hold. */
export function dateFromFiletime(filetime: bigint): Date {
  return new Date(Number((filetime - UNIX_EPOCH) / TICKS_PER_MILLISECOND))
}

export function filetimeFromDate(date: Date): bigint {
  return BigInt(date.getTime()) * TICKS_PER_MILLISECOND + UNIX_EPOCH
}
