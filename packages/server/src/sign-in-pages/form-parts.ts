/**
 * Pieces of forms: fields with their labels, hints and problems tied together for assistive
 * technology, and messages that are read out.
 */

import { html, type Html } from './html.ts'

export interface Field {
  readonly name: string
  readonly label: string
  /** HTML autofill token. */
  readonly autocomplete: string
  readonly type?: 'text' | 'password' | 'email'
  readonly value?: string | undefined
  readonly hint?: string
  /** What is wrong with what was sent. */
  readonly problem?: string | undefined
  readonly hasFocus?: boolean
  /** A code of digits: large, with the keyboard for digits. */
  readonly isCode?: boolean
  readonly lengthMax?: number
}

export function field(options: Field): Html {
  const { name, label, hint, problem } = options
  const describedBy = [
    ...(problem === undefined ? [] : [`${name}-problem`]),
    ...(hint === undefined ? [] : [`${name}-hint`]),
  ].join(' ')
  return html`<div class="field">
    <label for="${name}">${label}</label>
    <input
      id="${name}"
      name="${name}"
      type="${options.type ?? 'text'}"
      required
      autocomplete="${options.autocomplete}"
      autocapitalize="none"
      spellcheck="false"
      value="${options.value ?? ''}"
      maxlength="${options.lengthMax ?? 256}"
      ${options.isCode === true && html`class="digits"`}
      ${describedBy !== '' && html`aria-describedby="${describedBy}"`}
      ${problem !== undefined && html`aria-invalid="true"`}
      ${(options.hasFocus === true || problem !== undefined) && html`autofocus`}
    />
    ${problem !== undefined && html`<p class="problem-text" id="${name}-problem">${problem}</p>`}
    ${hint !== undefined && html`<p class="hint" id="${name}-hint">${hint}</p>`}
  </div>`
}

export function csrfField(token: string): Html {
  return html`<input type="hidden" name="csrf" value="${token}" />`
}

/** Something went wrong that belongs to no field. */
export function problemBox(problem: string | undefined): Html | false {
  return problem !== undefined && html`<p class="problem" role="alert">${problem}</p>`
}

/** Something was done. */
export function doneBox(done: string | undefined): Html | false {
  return done !== undefined && html`<p class="done" role="status">${done}</p>`
}

export interface PasskeyForm {
  readonly kind: 'get' | 'create'
  /** Where the answer goes. The options are at the same address with `/options` behind it. */
  readonly action: string
  readonly csrf: string
  readonly button: string
  readonly isMain?: boolean
  /** Fields before the button. */
  readonly fields?: Html
}

/** Shown by the script only: without one, it could do nothing. */
export function passkeyForm({ kind, action, csrf, button, isMain, fields }: PasskeyForm): Html {
  return html`<div data-needs-passkeys hidden>
    <form method="post" action="${action}" data-passkey="${kind}" data-options="${action}/options">
      ${csrfField(csrf)}<input type="hidden" name="credential" value="" />
      ${fields}
      <p class="problem" role="alert" hidden></p>
      <button type="submit" ${isMain === true ? '' : html` class="secondary"`}>${button}</button>
    </form>
  </div>`
}
