/**
 * A value that must not be printed: redaction by type.
 *
 * Whatever turns a `Secret` into text (a template, JSON, a log line, the inspector) gets
 * `[secret]`. The value is reachable only by calling `reveal()`, which is easy to find in a review.
 */

import { inspect } from 'node:util'

const REDACTED = '[secret]'

export class Secret<T> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  reveal(): T {
    return this.#value
  }

  toString(): string {
    return REDACTED
  }

  toJSON(): string {
    return REDACTED
  }

  [inspect.custom](): string {
    return REDACTED
  }
}
