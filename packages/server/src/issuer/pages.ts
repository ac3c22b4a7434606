/**
 * The pages that oidc-provider asks for: device codes, sign-out, errors. Forms without scripts; the
 * frame and the look are those of every rendered page (`sign-in-pages/page.ts`).
 */

import { API_SCOPES, apiScopeName } from '@keydesk/contract'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { html, Html } from '../sign-in-pages/html.ts'
import { page, pageHeaders, type PageOptions } from '../sign-in-pages/page.ts'
import { USER_CODE_LENGTH_MAX, userCodeOf } from './issuer-request.ts'
import { textOf } from './text-of.ts'

/** What is put into the page; the status stays as it is. */
function renderPage(ctx: KoaContextWithOIDC, options: PageOptions): void {
  ctx.set(pageHeaders())
  ctx.body = page(options)
}

/** Enter the code that the other device shows. */
export function userCodePage(ctx: KoaContextWithOIDC, error: Error | undefined): void {
  const prefilled = userCodeOf(ctx.req)
  renderPage(ctx, {
    title: 'Connect a program',
    lead: error === undefined ? 'Enter the code that it shows.' : undefined,
    body: html` ${error !== undefined && html`<p class="error" role="alert">${userCodeProblem(error)}</p>`}
      <form method="post" action="${ctx.oidc.urlFor('code_verification')}">
        ${csrfField(ctx)}
        <label for="user_code">Code</label>
        <input
          id="user_code"
          name="user_code"
          type="text"
          value="${prefilled}"
          required
          autofocus
          maxlength="${USER_CODE_LENGTH_MAX}"
          autocomplete="off"
          autocapitalize="characters"
          spellcheck="false"
        />
        <button type="submit">Continue</button>
      </form>`,
  })
}

function userCodeProblem(error: Error): string {
  switch (error.name) {
    case 'NoCodeError':
    case 'NotFoundError':
      return 'There is no such code. Look at it again on the other device.'
    case 'ExpiredError':
      return 'This code has expired. Start again on the other device.'
    case 'AlreadyUsedError':
      return 'This code was used already. Start again on the other device.'
    case 'AbortedError':
      return 'The program was not connected.'
    default:
      return 'This did not work. Start again on the other device.'
  }
}

/** Which program, on which computer, asks for what. */
export function confirmPage(
  ctx: KoaContextWithOIDC,
  asking: {
    readonly program: string
    readonly address: string
    readonly userCode: string
    readonly scopes: readonly string[]
  },
): void {
  renderPage(ctx, {
    title: `Connect ${asking.program}?`,
    body: html` <p>Only go on if you started it yourself just now, and it shows this code:</p>
      <p class="code">${asking.userCode}</p>
      ${whatItMayDo(asking.scopes)}
      <p>It asks from the address ${asking.address}.</p>
      <form method="post" action="${ctx.oidc.urlFor('code_verification')}">
        ${csrfField(ctx)}
        <input type="hidden" name="user_code" value="${asking.userCode}" />
        <button type="submit" name="confirm" value="yes">Connect</button>
        <button type="submit" name="abort" value="yes" class="secondary">Do not connect</button>
      </form>`,
  })
}

function whatItMayDo(scopes: readonly string[]): Html | false {
  const known = scopes.flatMap((scope) => apiScopeName(scope) ?? [])
  if (known.length === 0) return false
  const lines = known.map((name) => html`<li>${API_SCOPES[name].description}</li>`)
  return html`<p>It may then:</p>
    <ul>
      ${lines}
    </ul>`
}

export function connectedPage(ctx: KoaContextWithOIDC): void {
  const { clientName } = ctx.oidc.client ?? {}
  renderPage(ctx, {
    title: 'Connected',
    lead: `${clientName ?? 'The program'} is signed in as you. You can close this page.`,
    body: html``,
  })
}

export function signOutPage(ctx: KoaContextWithOIDC): void {
  renderPage(ctx, {
    title: 'Sign out?',
    body: html` <form method="post" action="${ctx.oidc.urlFor('end_session_confirm')}">
      ${csrfField(ctx)}
      <button type="submit" name="logout" value="yes">Sign out</button>
      <button type="submit" class="secondary">Stay signed in</button>
    </form>`,
  })
}

export function signedOutPage(ctx: KoaContextWithOIDC): void {
  renderPage(ctx, {
    title: 'Signed out',
    body: html`<p><a href="/">Sign in again</a></p>`,
  })
}

/** `detail` is the library's sentence for programmers; it holds no secret. */
export function issuerErrorPage(ctx: KoaContextWithOIDC, detail: string | undefined): void {
  renderPage(ctx, {
    title: 'This sign-in cannot go on',
    lead: 'It has expired, was finished already, or the address is not complete.',
    body: html` ${detail !== undefined && html`<p class="hint">${detail}</p>`}
      <p><a href="/">Start again</a></p>`,
  })
}

/**
 * The library has forms that send themselves by an inline script, which our policy forbids. Here is
 * the same form, its own markup, with a button. Undefined: the page is not one of those.
 */
export function withButton(markup: string): string | undefined {
  if (!markup.includes('document.forms[0].submit()')) return undefined
  const action = /<form method="post" action="([^"]*)">/.exec(markup)?.[1] ?? ''
  const fields = markup.match(/<input type="hidden"[^>]*>/g) ?? []
  return page({
    title: 'Go on',
    body: html`<form method="post" action="${new Html(action)}">
      ${new Html(fields.join(''))}<button type="submit" autofocus>Continue</button>
    </form>`,
  })
}

function csrfField({ oidc }: KoaContextWithOIDC): Html {
  const secret = textOf(oidc.session?.state?.['secret'])
  return html`<input type="hidden" name="xsrf" value="${secret}" />`
}
