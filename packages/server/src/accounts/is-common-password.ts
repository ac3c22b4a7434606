/**
 * Whether a password is one of those that an attacker tries first. A plain list would help little
 * here: passwords are at least twelve characters long, and what is common among those is a known
 * word or two with decoration (`Summer2026!!`, `p@ssw0rd-1234`). So a password is taken apart: what
 * can be put together from few known pieces is refused.
 *
 * Pieces: words of `common-password-words.txt`, also with the usual swaps (0 for o, @ for a),
 * sequences of the alphabet and the keyboard, repetitions, short runs of digits or of signs.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A word costs twice as much as decoration. */
const WORD_COST = 2
const DECORATION_COST = 1
/** Three words, two words and two decorations, or one word and four. */
const COMMON_COST_MAX = 6

const DIGITS_MAX = 8
const SIGNS_MAX = 4
const SEQUENCE_MIN = 3

const SEQUENCES = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890',
  'qwertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'qwertzuiop',
  'yxcvbnm',
  'azertyuiop',
  'qsdfghjklm',
  'wxcvbn',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p',
  '1q2w3e4r5t6y7u8i9o0p',
  'q1w2e3r4t5y6u7i8o9p0',
  '!@#$%^&*()',
  '!"§$%&/()=',
].flatMap((row) => [row, Array.from(row).toReversed().join('')])

/** What may stand for a letter. */
const SWAPS: Readonly<Record<string, string | undefined>> = {
  '0': 'o',
  '1': 'il',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '8': 'b',
  '9': 'g',
  '@': 'a',
  $: 's',
  '!': 'il',
  '|': 'il',
  '+': 't',
  '€': 'e',
}

const words = readWords()
/** So that a search ends where no word goes on. */
const prefixes = new Set(
  [...words].flatMap((word) => Array.from(word, (_, index) => word.slice(0, index + 1))),
)
const longestWord = Math.max(...[...words].map((word) => word.length))

/** `password` is in the form that is hashed (NFKC). */
export function isCommonPassword(password: string): boolean {
  const text = password.toLowerCase()
  return isGuessable(text) || isGuessable(text.replaceAll(/[\s._-]/g, ''))
}

function isGuessable(text: string): boolean {
  if (isRepetition(text)) return true
  // costs[i]: the least that the first i characters cost.
  const costs = Array.from({ length: text.length + 1 }, () => Number.POSITIVE_INFINITY)
  costs[0] = 0
  for (let start = 0; start < text.length; start += 1) {
    const cost = costs[start] ?? Number.POSITIVE_INFINITY
    if (cost >= COMMON_COST_MAX) continue
    for (const piece of piecesAt(text, start)) {
      const end = start + piece.length
      costs[end] = Math.min(costs[end] ?? Number.POSITIVE_INFINITY, cost + piece.cost)
    }
  }
  return (costs[text.length] ?? Number.POSITIVE_INFINITY) <= COMMON_COST_MAX
}

/** `abcabcabcabc`, `passwordpassword`, `111111111111`. */
function isRepetition(text: string): boolean {
  const unit = (text + text).indexOf(text, 1)
  return unit < text.length || new Set(text).size <= 4
}

interface Piece {
  readonly length: number
  readonly cost: number
}

function piecesAt(text: string, start: number): Piece[] {
  const rest = text.slice(start)
  return [
    ...wordLengths(rest).map((length) => ({ length, cost: WORD_COST })),
    ...upTo(1, runLength(rest, /^\p{Nd}+/u, DIGITS_MAX)),
    ...upTo(1, runLength(rest, /^[^\p{L}\p{Nd}]+/u, SIGNS_MAX)),
    ...upTo(SEQUENCE_MIN, sequenceLength(rest)),
    ...upTo(SEQUENCE_MIN, runLength(rest, /^(.)\1+/u, rest.length)),
  ]
}

function upTo(least: number, most: number): Piece[] {
  const count = Math.max(0, most - least + 1)
  return Array.from({ length: count }, (_, index) => ({
    length: least + index,
    cost: DECORATION_COST,
  }))
}

function runLength(text: string, run: RegExp, most: number): number {
  return Math.min(run.exec(text)?.[0].length ?? 0, most)
}

function sequenceLength(text: string): number {
  let longest = 0
  for (const row of SEQUENCES) {
    for (let length = Math.max(longest + 1, SEQUENCE_MIN); length <= text.length; length += 1) {
      if (!row.includes(text.slice(0, length))) break
      longest = length
    }
  }
  return longest
}

/** Lengths of the words with which the text begins, letters swapped or not. */
function wordLengths(text: string): number[] {
  const lengths: number[] = []
  let spellings = ['']
  for (const character of text.slice(0, longestWord)) {
    const letters = [character, ...(SWAPS[character]?.split('') ?? [])]
    spellings = spellings.flatMap((spelling) =>
      letters.map((letter) => spelling + letter).filter((prefix) => prefixes.has(prefix)),
    )
    if (spellings.length === 0) break
    const length = spellings[0]?.length ?? 0
    if (spellings.some((spelling) => words.has(spelling))) lengths.push(length)
  }
  return lengths
}

function readWords(): ReadonlySet<string> {
  const file = readFileSync(join(import.meta.dirname, 'common-password-words.txt'), 'utf8')
  const lines = file.split('\n').filter((line) => !line.startsWith('#'))
  return new Set(lines.flatMap((line) => line.split(/\s+/)).filter((word) => word !== ''))
}
