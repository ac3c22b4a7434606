/**
 * The frame of every page that the server renders itself: sign-in, device codes, one-time links,
 * own account, errors of a browser. One look with the portal, no inline script or style, and
 * nothing that a page of a foreign origin can frame or read (OWASP ASVS 5.0, 3.4).
 *
 * A page works without JavaScript unless it says that it needs a passkey.
 */

import type { FastifyReply } from 'fastify'
import { PASSKEY_SCRIPT_URL, STYLE_URL } from './assets.ts'
import { html, type Html } from './html.ts'

export interface PageOptions {
  /** Of the window and of the page. */
  readonly title: string
  /** A sentence below the title. */
  readonly lead?: Html | string | undefined
  readonly body: Html
  /** The script that talks to passkeys. Only pages with a passkey button load one at all. */
  readonly usesPasskeys?: boolean
  /** Goes on by itself: an address of this origin or one that the issuer has checked. */
  readonly continueTo?: string | undefined
  /** Lists and tables instead of one form. */
  readonly isWide?: boolean
}

const KEY = html`<svg
  class="key"
  viewBox="0 0 24 24"
  width="24"
  height="24"
  aria-hidden="true"
  focusable="false"
>
  <circle cx="8" cy="15" r="4.5" />
  <path d="M11.3 11.7 20 3M16.5 6.5l3 3M14 9l2 2" />
</svg>`

/** The whole document. Send it with `pageHeaders`. */
export function page(options: PageOptions): string {
  const { title, lead, body, continueTo } = options
  const script =
    options.usesPasskeys === true && html`<script src="${PASSKEY_SCRIPT_URL}" defer></script>`
  const refresh =
    continueTo !== undefined && html`<meta http-equiv="refresh" content="0; url=${continueTo}" />`
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta name="color-scheme" content="light dark" />
<meta name="robots" content="noindex" />
${refresh}
<title>${title} · Keydesk</title>
<link rel="stylesheet" href="${STYLE_URL}" />
${script}
</head>
<body>
<header><p class="brand">${KEY}Keydesk</p></header>
<main${options.isWide === true ? html` class="wide"` : ''}>
<h1>${title}</h1>
${lead !== undefined && html`<p class="lead">${lead}</p>`}
${body}
</main>
</body>
</html>
`.toString()
}

const PERMISSIONS_POLICY =
  'camera=(), geolocation=(), microphone=(), payment=(), usb=(), ' +
  'publickey-credentials-get=(self), publickey-credentials-create=(self)'

/**
 * Headers of a page, for whatever serves it. Those of every answer (`security-headers.ts`) are
 * repeated, because the issuer's own answers do not pass there.
 */
export function pageHeaders(options: Pick<PageOptions, 'usesPasskeys'> = {}) {
  const scripts = options.usesPasskeys === true ? "script-src 'self'; connect-src 'self'; " : ''
  return {
    'content-type': 'text/html; charset=utf-8',
    // Chrome applies form-action to every redirect that follows a form. What must leave this origin
    // after one goes by `continueTo`.
    'content-security-policy':
      `default-src 'none'; ${scripts}style-src 'self'; img-src 'self'; form-action 'self'; ` +
      "base-uri 'none'; frame-ancestors 'none'",
    'permissions-policy': PERMISSIONS_POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store',
  } as const
}

/** Answers with a page. */
export function sendPage(reply: FastifyReply, options: PageOptions, status = 200): FastifyReply {
  return (
    reply
      .code(status)
      .headers(pageHeaders(options))
      // The route may have a schema for its other answers.
      .serializer((payload: unknown) => String(payload))
      .send(page(options))
  )
}
