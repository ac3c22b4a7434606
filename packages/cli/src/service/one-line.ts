/**
 * Text from outside, fit for a terminal: no control or formatting characters, which could move the
 * cursor, hide what follows or reverse its direction.
 */
export function oneLine(text: string, lengthMax = 1_000): string {
  return text
    .replaceAll(/[\s\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .trim()
    .slice(0, lengthMax)
}
