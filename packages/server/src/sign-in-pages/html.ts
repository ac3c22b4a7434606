/**
 * HTML as a tagged template that escapes whatever is put in, unless it is itself the result of such
 * a template. So text can only become markup by somebody writing `html` before it.
 *
 * Values belong into elements and into attributes in double quotes; nowhere else (no script, no
 * style, no unquoted attribute).
 */

export class Html {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  toString(): string {
    return this.#text
  }
}

/** `undefined` and `false` give nothing, so that `condition && html…` reads well. */
export type HtmlValue = string | number | Html | undefined | false | readonly HtmlValue[]

export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  const parts = strings.map((text, index) => text + markup(values[index]))
  return new Html(parts.join(''))
}

function markup(value: HtmlValue): string {
  if (value === undefined || value === false) return ''
  if (value instanceof Html) return value.toString()
  if (Array.isArray(value)) return value.map(markup).join('')
  return String(value).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
