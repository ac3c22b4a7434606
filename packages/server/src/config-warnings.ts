/** Settings that work and are most likely a mistake: a sentence for the log each. */

import type { Config } from './config.ts'

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/

export function configWarnings(config: Config): readonly string[] {
  const warnings: string[] = []
  const origin = new URL(config.origin)
  const isLocalOrigin = LOOPBACK.test(origin.hostname.replace(/^\[|\]$/g, ''))
  if (origin.protocol === 'http:' && !isLocalOrigin) {
    warnings.push(
      'KEYDESK_ORIGIN is an http:// address: recovery passwords and credentials would travel in ' +
        'the clear. Put a TLS proxy before Keydesk and set it to https://.',
    )
  }
  if (!LOOPBACK.test(config.host)) {
    warnings.push(
      `Keydesk listens on ${config.host}, without TLS of its own: make sure that only the TLS ` +
        'proxy reaches that port.',
    )
  }
  if (LOOPBACK.test(config.host) && !isLocalOrigin && config.trustedProxies.length === 0) {
    warnings.push(
      'KEYDESK_TRUSTED_PROXIES is not set although KEYDESK_ORIGIN is not this machine: behind a ' +
        'proxy, the log shows the proxy as the client.',
    )
  }
  return warnings
}
