/**
 * Where a sign-in leads to: a page of this server, whoever made the link. What is not exactly that
 * is replaced, so a link to Keydesk never ends elsewhere (open redirect).
 */

const LENGTH_MAX = 1024
/** Programs' addresses are not pages, and a sign-in that leads to a sign-in leads nowhere. */
const NOT_A_PAGE = /^\/(api|device|v1\.0|beta|scim|oidc|sign-in|sign-out)(\/|\?|#|$)/

/** The path with query and fragment, or `/`. */
export function localPath(origin: string, wanted: string | undefined): string {
  // A browser reads a backslash as a slash, and drops tabs and line breaks.
  if (
    wanted === undefined ||
    wanted.length > LENGTH_MAX ||
    !/^\/(?![/\\])[\x21-\x7e]*$/.test(wanted)
  ) {
    return '/'
  }
  const url = URL.parse(wanted, origin)
  if (url === null || url.origin !== origin || wanted.includes('\\')) return '/'
  const path = `${url.pathname}${url.search}${url.hash}`
  // Dots in the path can make another beginning of it.
  return path.startsWith('//') || NOT_A_PAGE.test(path) ? '/' : path
}
