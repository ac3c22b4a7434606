/**
 * The address of the service as a person types it: an origin, https unless it is this machine.
 * Without https anybody on the way could read tokens and answer in the service's name.
 */
import { AgentError } from './errors.ts'

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/** The origin, e.g. `https://keydesk.example`. Throws AgentError USAGE. */
export function parseServerUrl(text: string): string {
  const wrong = (what: string) => new AgentError('USAGE', `The address of the service ${what}.`)
  if (!URL.canParse(text)) {
    throw wrong('is not a URL; write it like https://keydesk.example')
  }
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw wrong('must begin with https://')
  }
  if (url.protocol === 'http:' && !isLoopback(url)) {
    throw wrong('must begin with https://; plain http is for this machine only')
  }
  if (url.username !== '' || url.password !== '') {
    throw wrong('must not contain a user name or password')
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw wrong(`must be an origin without a path: ${url.origin}`)
  }
  return url.origin
}

/** True where plain http stays inside this machine. */
export function isLoopback(url: URL): boolean {
  return LOOPBACK.test(url.hostname)
}
