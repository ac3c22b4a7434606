/**
 * The networks that an address belongs to, for counting what comes from one place: whoever has one
 * IPv6 address has its /64 at no cost, and often a whole /48 (RFC 6177).
 */

import { isIPv6 } from 'node:net'

/** An IPv4 address, or a /64 of IPv6. */
export function networkOf(address: string): string {
  return prefixOf(address, 4)
}

/** The /48 of an IPv6 address: what one customer of a provider may have. Undefined for IPv4. */
export function siteOf(address: string): string | undefined {
  const site = prefixOf(address, 3)
  return isIPv6(site.replace(/\/48$/, '')) ? site : undefined
}

/** `length`: in groups of 16 bits. */
function prefixOf(address: string, length: number): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('%')[0]?.toLowerCase().split('::') ?? []
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length
  const groups = [...left, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...right]
  const prefix = groups.slice(0, length).map((group) => Number.parseInt(group, 16).toString(16))
  return `${prefix.join(':')}::/${length * 16}`
}
