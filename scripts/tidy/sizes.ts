/**
 * Sizes a reader can hold in the head: 400 lines a file, 70 lines a function, 100 columns.
 * A test file's `describe` callback is a list of tests and may be longer than a function.
 */
import { parseSync, Visitor } from 'oxc-parser'
import { isSource, isTest, lineAt, type Problem, type SourceTree } from './source-tree.ts'

const FILE_LINES_MAX = 400
const FUNCTION_LINES_MAX = 70
const COLUMNS_MAX = 100
const UNBREAKABLE = /https?:\/\/|(['"`]).{40,}\1/

export function sizes(tree: SourceTree): Problem[] {
  return tree.files.filter(isSource).flatMap((file) => {
    const text = tree.read(file)
    const lines = text.split('\n')
    const problems: Problem[] = []
    if (lines.length - 1 > FILE_LINES_MAX) {
      problems.push({ file, message: `${lines.length - 1} lines; ${FILE_LINES_MAX} is the most` })
    }
    for (const [index, line] of lines.entries()) {
      // The formatter breaks code; what it cannot break is a link or a long string.
      if (line.length > COLUMNS_MAX && !UNBREAKABLE.test(line)) {
        problems.push({
          file,
          line: index + 1,
          message: `${line.length} columns; ${COLUMNS_MAX} is the most`,
        })
      }
    }
    if (!isTest(file)) problems.push(...longFunctions(file, text))
    return problems
  })
}

function longFunctions(file: string, text: string): Problem[] {
  const problems: Problem[] = []
  const measure = (node: { start: number; end: number }): void => {
    const first = lineAt(text, node.start)
    const count = lineAt(text, node.end) - first + 1
    if (count > FUNCTION_LINES_MAX) {
      problems.push({
        file,
        line: first,
        message: `a function of ${count} lines; ${FUNCTION_LINES_MAX} is the most`,
      })
    }
  }
  const { program } = parseSync(file, text)
  new Visitor({
    FunctionDeclaration: measure,
    FunctionExpression: measure,
    ArrowFunctionExpression: measure,
  }).visit(program)
  return problems
}
