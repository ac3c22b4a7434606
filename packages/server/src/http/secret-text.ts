/**
 * Takes secrets out of text that is about to be logged.
 *
 * The second net: secrets are kept out of messages by type (`Secret`, coded errors), but libraries
 * quote their input in errors. What looks like a recovery password, whole or cut, one of our
 * tokens or a signed token is replaced. False positives cost a few digits in a log line.
 */

/**
 * Two or more groups of six digits, however separated: the shape of a recovery password's parts.
 */
const RECOVERY_PASSWORD = /\d{6}(?:[\s\-–—_.,+%]{0,3}\d{1,6})+/g
/** `keydesk_admin_…`, `keydesk_enroll_…`, `keydesk_scim_…` */
const OWN_TOKEN = /keydesk_[a-z]+_[A-Za-z0-9_-]+/g
/** Compact JWS or JWT: always starts with base64url of `{"`. */
const SIGNED_TOKEN = /eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}/g
const BEARER = /bearer\s+[^\s"',;]+/gi
/** `user:password@` in a URL. */
const URL_CREDENTIALS = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi

const TEXT_LENGTH_MAX = 8192

export function withoutSecrets(text: string): string {
  return text
    .slice(0, TEXT_LENGTH_MAX)
    .replace(BEARER, '[redacted]')
    .replace(OWN_TOKEN, '[redacted]')
    .replace(SIGNED_TOKEN, '[redacted]')
    .replace(URL_CREDENTIALS, '$1[redacted]@')
    .replace(RECOVERY_PASSWORD, '[redacted]')
}
