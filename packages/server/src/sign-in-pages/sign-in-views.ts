/** What a person sees while he signs in: password, second factor, its set-up, backup codes. */

import { LIMITS } from '@keydesk/contract'
import type { QrCode } from '../accounts/totp.ts'
import { csrfField, field, passkeyForm, problemBox } from './form-parts.ts'
import { html, type Html } from './html.ts'
import type { PageOptions } from './page.ts'

/** Where the forms go, and the proof that they are of this interaction. */
export interface FormTarget {
  /** `/sign-in/with/{uid}` */
  readonly path: string
  readonly csrf: string
}

interface PasswordView {
  readonly target: FormTarget
  /** Other than the portal itself. */
  readonly program?: string | undefined
  readonly userName: string
  readonly problem: string | undefined
}

export function passwordView({ target, program, userName, ...view }: PasswordView): PageOptions {
  return {
    title: 'Sign in',
    lead: program === undefined ? undefined : `to go on with ${program}`,
    usesPasskeys: true,
    body: html` ${problemBox(view.problem)}
      <section>
        <form method="post" action="${target.path}">
          ${csrfField(target.csrf)}
          ${field({
            name: 'userName',
            label: 'User name',
            autocomplete: 'username',
            type: 'email',
            value: userName,
            hasFocus: userName === '',
            lengthMax: LIMITS.userPrincipalNameLengthMax,
          })}
          ${field({
            name: 'password',
            label: 'Password',
            autocomplete: 'current-password',
            type: 'password',
            hasFocus: userName !== '',
            lengthMax: 1024,
          })}
          <button type="submit">Sign in</button>
        </form>
        <div class="or" data-needs-passkeys hidden>or</div>
        ${passkeyForm({
          kind: 'get',
          action: `${target.path}/passkey`,
          csrf: target.csrf,
          button: 'Sign in with a passkey',
        })}
      </section>
      <p class="aside">
        Forgot your password, or signing in for the first time? Your administrator can give you a
        link.
      </p>
      ${cancelForm(target)}`,
  }
}

interface CodeView {
  readonly target: FormTarget
  readonly userName: string
  readonly problem: string | undefined
  readonly hasTotp: boolean
  readonly hasPasskey: boolean
  /** He is signed in and proves it again. */
  readonly isAgain: boolean
}

export function codeView(view: CodeView): PageOptions {
  const { target, userName, problem, hasTotp, hasPasskey, isAgain } = view
  const byPasskey = passkeyForm({
    kind: 'get',
    action: `${target.path}/passkey`,
    csrf: target.csrf,
    button: 'Use a passkey',
    isMain: !hasTotp,
  })
  return {
    title: isAgain ? 'Is it you?' : 'Second step',
    lead: isAgain
      ? html`What comes next needs a fresh proof that you are <strong>${userName}</strong>.`
      : html`Signing in as <strong>${userName}</strong>.`,
    usesPasskeys: hasPasskey,
    body: html` ${!hasTotp && problemBox(problem)}
      <section>
        ${
          hasTotp &&
          html`<form method="post" action="${target.path}/code">
            ${csrfField(target.csrf)}
            ${field({
              name: 'code',
              label: 'Code',
              autocomplete: 'one-time-code',
              isCode: true,
              hasFocus: true,
              lengthMax: 32,
              problem,
              hint: 'Six digits from your authenticator app, or one of your backup codes.',
            })}
            <button type="submit">Continue</button>
          </form>`
        }
        ${hasTotp && hasPasskey && html`<div class="or" data-needs-passkeys hidden>or</div>`}
        ${hasPasskey && byPasskey}
        ${hasPasskey && !hasTotp && html`<noscript><p>A passkey needs JavaScript.</p></noscript>`}
      </section>
      ${isAgain && html`<p class="aside"><a href="${target.path}?as=other">Not you?</a></p>`}
      ${cancelForm(target)}`,
  }
}

/** He is signed in with a password only, and has no second factor yet: the password again. */
export function passwordAgainView(view: {
  target: FormTarget
  userName: string
  problem: string | undefined
}): PageOptions {
  const { target, userName, problem } = view
  return {
    title: 'Is it you?',
    lead: html`What comes next needs a fresh proof that you are <strong>${userName}</strong>.`,
    body: html` <section>
        <form method="post" action="${target.path}">
          ${csrfField(target.csrf)}
          <input name="userName" value="${userName}" autocomplete="username" readonly hidden />
          ${field({
            name: 'password',
            label: 'Password',
            autocomplete: 'current-password',
            type: 'password',
            hasFocus: true,
            lengthMax: 1024,
            problem,
          })}
          <button type="submit">Continue</button>
        </form>
      </section>
      <p class="aside"><a href="${target.path}?as=other">Not you?</a></p>
      ${cancelForm(target)}`,
  }
}

export function setUpView(view: {
  target: FormTarget
  qrCode: QrCode
  secret: string
  problem: string | undefined
}): PageOptions {
  const { target, qrCode, secret, problem } = view
  const action = `${target.path}/set-up/totp`
  return {
    title: 'Add a second step',
    lead: 'With your role, or for what you are about to do, a password alone is not enough.',
    usesPasskeys: true,
    body: html` <section data-needs-passkeys hidden>
        <h2>With a passkey</h2>
        <p class="muted">
          Your fingerprint, face or PIN on this device, or a security key. Nothing to type, and no
          other site can get at it.
        </p>
        ${passkeyForm({
          kind: 'create',
          action: `${target.path}/set-up/passkey`,
          csrf: target.csrf,
          button: 'Create a passkey',
          isMain: true,
        })}
      </section>
      <section>
        <h2>With an authenticator app</h2>
        ${totpForm({ action, csrf: target.csrf, qrCode, secret, problem })}
      </section>
      ${cancelForm(target)}`,
  }
}

export interface TotpForm {
  readonly action: string
  readonly csrf: string
  readonly qrCode: QrCode
  readonly secret: string
  readonly problem: string | undefined
}

/** Scan, then type the first code. */
export function totpForm({ action, csrf, qrCode, secret, problem }: TotpForm): Html {
  return html` <p class="muted">Scan this with an authenticator app on your phone.</p>
    <svg
      class="qr"
      viewBox="0 0 ${qrCode.size} ${qrCode.size}"
      role="img"
      aria-label="QR code for the authenticator app"
      shape-rendering="crispEdges"
    >
      <path d="${qrCode.path}" />
    </svg>
    <details>
      <summary>No camera? Type this key into the app</summary>
      <p class="secret">${secret}</p>
    </details>
    <form method="post" action="${action}">
      ${csrfField(csrf)}
      ${field({
        name: 'code',
        label: 'Code that the app shows',
        autocomplete: 'one-time-code',
        isCode: true,
        lengthMax: 32,
        problem,
      })}
      <button type="submit">Continue</button>
    </form>`
}

export function backupCodesView(view: {
  codes: readonly string[]
  /** Where to go on. */
  action: string
  csrf: string
  method?: 'get' | 'post'
}): PageOptions {
  return {
    title: 'Your backup codes',
    lead: 'For the day your phone is gone. Each works once, instead of a code of the app.',
    body: html` <section>
      <p>They are shown <strong>this one time</strong>. Keep them where you keep passwords.</p>
      <ul class="codes">
        ${view.codes.map((code) => html`<li>${code}</li>`)}
      </ul>
      <form method="post" action="${view.action}">
        ${csrfField(view.csrf)}
        <button type="submit">I have kept them</button>
      </form>
    </section>`,
  }
}

function cancelForm({ path, csrf }: FormTarget): Html {
  return html`<form class="aside" method="post" action="${path}/abort">
    ${csrfField(csrf)}<button type="submit" class="link">Cancel</button>
  </form>`
}
