/** Cuts the text of a membership rule into its words. */

import { AppError } from '../errors.ts'

export interface RuleToken {
  readonly kind: '(' | ')' | '[' | ']' | ',' | 'operator' | 'word' | 'text' | 'end'
  /** Of a text, without its quotes; of an operator and a word, as written. */
  readonly text: string
  /** Place of its first character, from 1. */
  readonly position: number
}

/** `position`: from 1. */
export function ruleError(position: number, detail: string): AppError {
  return new AppError('MEMBERSHIP_RULE_INVALID', `At character ${position}: ${detail}`)
}

const SPACES = /[ \t\r\n\u00a0]+/y
const OPERATOR = /-[A-Za-z]+/y
const WORD = /[A-Za-z][A-Za-z0-9_.]*/y

/** Ends with a token `end`. Throws AppError MEMBERSHIP_RULE_INVALID. */
export function tokenizeRule(rule: string): readonly RuleToken[] {
  const tokens: RuleToken[] = []
  const match = (pattern: RegExp, at: number): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(rule)?.[0]
  }
  for (let at = 0; at < rule.length;) {
    const space = match(SPACES, at)
    if (space !== undefined) {
      at += space.length
      continue
    }
    const position = at + 1
    const character = rule.charAt(at)
    if (isPunctuation(character)) {
      tokens.push({ kind: character, text: character, position })
      at += 1
      continue
    }
    if (character === '"') {
      const { text, end } = readText(rule, at)
      tokens.push({ kind: 'text', text, position })
      at = end
      continue
    }
    const operator = match(OPERATOR, at)
    const text = operator ?? match(WORD, at)
    if (text === undefined) {
      throw ruleError(position, 'expected a bracket, an attribute, an operator or a quoted text.')
    }
    tokens.push({ kind: operator === undefined ? 'word' : 'operator', text, position })
    at += text.length
  }
  return [...tokens, { kind: 'end', text: '', position: rule.length + 1 }]
}

function isPunctuation(character: string): character is '(' | ')' | '[' | ']' | ',' {
  return '()[],'.includes(character)
}

/** A backtick takes the next character as it is: that is how a quote is written. */
function readText(rule: string, start: number): { text: string; end: number } {
  let text = ''
  for (let at = start + 1; at < rule.length; at += 1) {
    const character = rule.charAt(at)
    if (character === '"') return { text, end: at + 1 }
    if (character === '`') {
      at += 1
      text += rule.charAt(at)
    } else {
      text += character
    }
  }
  throw ruleError(start + 1, 'this quote is not closed.')
}
