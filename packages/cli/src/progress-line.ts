/**
 * One line on a terminal that says how far a long step is. Invariant: nothing is written unless
 * standard error is a terminal, and nothing remains of it at the end.
 */

const CLEAR_LINE = '\r\u001B[K'

export interface ProgressLine extends Disposable {
  /** 0 to 1. */
  readonly update: (fraction: number) => void
}

/** `text` says what is being done, without a full stop. */
export function progressLine(text: string): ProgressLine {
  if (!process.stderr.isTTY) return { update() {}, [Symbol.dispose]() {} }
  let shown = -1
  let isOver = false
  const show = (percent: number): void => {
    if (percent === shown || isOver) return
    shown = percent
    process.stderr.write(`${CLEAR_LINE}${text} … ${percent} %`)
  }
  show(0)
  return {
    update: (fraction) => show(Math.floor(100 * fraction)),
    [Symbol.dispose]: () => {
      if (!isOver) process.stderr.write(CLEAR_LINE)
      isOver = true
    },
  }
}
