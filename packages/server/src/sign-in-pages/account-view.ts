/** Own account: how one signs in, and where one is signed in. */

import type { Session } from '@keydesk/contract'
import type { PasskeyRow } from '../accounts/passkey-queries.ts'
import { csrfField, doneBox, field, passkeyForm, problemBox } from './form-parts.ts'
import { html, type Html } from './html.ts'
import type { PageOptions } from './page.ts'
import { totpForm, type TotpForm } from './sign-in-views.ts'
import { newPasswordField } from './welcome-views.ts'

export interface AccountView {
  readonly userName: string
  readonly csrf: string
  readonly problem?: string | undefined
  readonly done?: string | undefined
  /** Undefined: it is set up. */
  readonly newTotp: Omit<TotpForm, 'action' | 'csrf'> | undefined
  readonly backupCodesLeft: number
  readonly passkeys: readonly PasskeyRow[]
  readonly sessions: readonly Session[]
}

export function accountView(view: AccountView): PageOptions {
  const { csrf } = view
  return {
    title: 'Your account',
    lead: html`Signed in as <strong>${view.userName}</strong>.`,
    usesPasskeys: true,
    isWide: true,
    body: html` ${problemBox(view.problem)} ${doneBox(view.done)}
      <section>
        <h2>Password</h2>
        <form method="post" action="/account/password">
          ${csrfField(csrf)}
          <input name="username" value="${view.userName}" autocomplete="username" readonly hidden />
          ${field({
            name: 'password',
            label: 'Current password',
            autocomplete: 'current-password',
            type: 'password',
            lengthMax: 1024,
          })}
          ${newPasswordField(undefined)}
          <button type="submit">Change the password</button>
        </form>
      </section>
      <section>
        <h2>Passkeys</h2>
        ${view.passkeys.length === 0 && html`<p class="muted">None yet.</p>`}
        <ul class="rows">
          ${view.passkeys.map((passkey) => passkeyRow(passkey, csrf))}
        </ul>
        ${passkeyForm({ kind: 'create', action: '/account/passkeys', csrf, button: 'Add a passkey' })}
      </section>
      <section>
        <h2>Authenticator app</h2>
        ${
          view.newTotp === undefined
            ? totpState(view)
            : totpForm({ ...view.newTotp, csrf, action: '/account/totp' })
        }
      </section>
      <section>
        <h2>Where you are signed in</h2>
        <ul class="rows">
          ${view.sessions.map((session) => sessionRow(session, csrf))}
        </ul>
      </section>
      <p class="aside"><a href="/">Back to Keydesk</a></p>`,
  }
}

function totpState({ csrf, backupCodesLeft }: AccountView): Html {
  return html` <p>Set up. ${backupCodesLeft} of your backup codes are left.</p>
    <form method="post" action="/account/backup-codes">
      ${csrfField(csrf)}<button type="submit" class="secondary">Make new backup codes</button>
    </form>
    <form class="actions" method="post" action="/account/totp/remove">
      ${csrfField(csrf)}<button type="submit" class="danger">Remove the app and its codes</button>
    </form>`
}

function passkeyRow({ id, name, created_at, last_used_at }: PasskeyRow, csrf: string): Html {
  const used = last_used_at === null ? 'not used yet' : `last used ${day(last_used_at)}`
  return html`<li>
    <form class="inline" method="post" action="/account/passkeys/${id}/rename">
      ${csrfField(csrf)}
      <input
        name="name"
        value="${name}"
        maxlength="100"
        required
        aria-label="Name of the passkey"
      />
      <button type="submit" class="secondary">Rename</button>
    </form>
    <p class="muted">Added ${day(created_at)}, ${used}.</p>
    <form method="post" action="/account/passkeys/${id}/remove">
      ${csrfField(csrf)}
      <button type="submit" class="danger" aria-label="Remove the passkey ${name}">Remove</button>
    </form>
  </li>`
}

function sessionRow(session: Session, csrf: string): Html {
  const { id, isCurrent, ipAddress, userAgent, lastSeenAt } = session
  return html`<li>
    <div>
      <p>${userAgent ?? 'Unknown browser'}</p>
      <p class="hint">
        From ${ipAddress}, last seen ${lastSeenAt.slice(0, 16).replace('T', ' ')} UTC
      </p>
    </div>
    ${
      isCurrent
        ? html`<strong>This one</strong>`
        : html`<form method="post" action="/account/sessions/${id}/end">
            ${csrfField(csrf)}<button type="submit" class="secondary">End</button>
          </form>`
    }
  </li>`
}

function day(at: Date): string {
  return at.toISOString().slice(0, 10)
}
