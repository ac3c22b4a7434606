/** What a person sees behind a link that works once, and pages that only say something. */

import { LIMITS } from '@keydesk/contract'
import { csrfField, field, problemBox } from './form-parts.ts'
import { html } from './html.ts'
import type { PageOptions } from './page.ts'

const PASSWORD_HINT =
  `At least ${LIMITS.passwordLengthMin} characters. A few words that only you would put ` +
  'together make a good one. Every character counts, also blanks.'

interface WelcomeForm {
  /** `/welcome/{token}` */
  readonly action: string
  readonly csrf: string
  readonly passwordProblem?: string | undefined
  readonly problem?: string | undefined
}

export interface FirstAdministratorForm extends WelcomeForm {
  readonly userPrincipalName: string
  readonly displayName: string
  readonly nameProblem?: string | undefined
}

export function firstAdministratorView(view: FirstAdministratorForm): PageOptions {
  return {
    title: 'Welcome to Keydesk',
    lead: 'Make the first account. It is the administrator of everything.',
    body: html` ${problemBox(view.problem)}
      <section>
        <form method="post" action="${view.action}">
          ${csrfField(view.csrf)}
          ${field({
            name: 'userPrincipalName',
            label: 'User name',
            autocomplete: 'username',
            type: 'email',
            value: view.userPrincipalName,
            hasFocus: view.passwordProblem === undefined,
            lengthMax: LIMITS.userPrincipalNameLengthMax,
            problem: view.nameProblem,
            hint: 'In the form of a mail address, such as alice@keydesk.example.',
          })}
          ${field({
            name: 'displayName',
            label: 'Name',
            autocomplete: 'name',
            value: view.displayName,
            lengthMax: LIMITS.displayNameLengthMax,
            hint: 'As others see it.',
          })}
          ${newPasswordField(view.passwordProblem)}
          <button type="submit">Create the account</button>
        </form>
      </section>`,
  }
}

export function newPasswordView(
  view: WelcomeForm & { userPrincipalName: string; isInvitation: boolean },
): PageOptions {
  return {
    title: view.isInvitation ? 'Welcome to Keydesk' : 'Choose a new password',
    lead: html`For <strong>${view.userPrincipalName}</strong>.`,
    body: html` ${problemBox(view.problem)}
      <section>
        <form method="post" action="${view.action}">
          ${csrfField(view.csrf)}
          <input
            type="hidden"
            name="username"
            autocomplete="username"
            value="${view.userPrincipalName}"
          />
          ${newPasswordField(view.passwordProblem)}
          <button type="submit">Save the password</button>
        </form>
      </section>`,
  }
}

export function newPasswordField(problem: string | undefined) {
  return field({
    name: 'newPassword',
    label: 'New password',
    autocomplete: 'new-password',
    type: 'password',
    lengthMax: 1024,
    hint: PASSWORD_HINT,
    problem,
  })
}

/** With an external issuer: who signs in there next becomes administrator. */
export function signInToSetUpView(view: WelcomeForm): PageOptions {
  return {
    title: 'Welcome to Keydesk',
    lead: 'Sign in as the person who is to be the administrator of everything.',
    body: html` <section>
      <p>You go to the sign-in of your organisation. Whoever comes back gets the role.</p>
      <form method="post" action="${view.action}">
        ${csrfField(view.csrf)}
        <button type="submit">Sign in</button>
      </form>
    </section>`,
  }
}

/** A page that says something and offers a way on. */
export function messageView(view: {
  title: string
  text: string
  link?: { href: string; text: string }
}): PageOptions {
  const { title, text, link } = view
  return {
    title,
    lead: text,
    body:
      link === undefined
        ? html``
        : html`<p class="actions"><a class="button" href="${link.href}">${link.text}</a></p>`,
  }
}
