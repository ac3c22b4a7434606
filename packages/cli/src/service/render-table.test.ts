import { expect, test } from 'vitest'
import { renderFields, renderTable, time } from './render-table.ts'

const columns = [
  { title: 'name', cell: ({ name }: { name: string; on: boolean }) => name },
  { title: 'on', cell: ({ on }: { on: boolean }) => on },
]

test('columns are aligned by characters', () => {
  const items = [
    { name: 'Ada', on: true },
    { name: 'Zoë 🙂', on: false },
  ]
  expect(renderTable(columns, items)).toBe('NAME   ON\nAda    yes\nZoë 🙂  no\n')
})

test('no items are no text', () => {
  expect(renderTable(columns, [])).toBe('')
})

test('a name cannot move the cursor, begin a line or reverse the text', () => {
  const hostile = '\u001B[2Jx\r\nroot  yes\u202Eabc'
  expect(renderTable(columns, [{ name: hostile, on: false }])).toBe(
    'NAME               ON\n[2Jx root yes abc  no\n',
  )
})

test('fields without a value have no line, lists one for each', () => {
  expect(
    renderFields([
      ['User', 'ada'],
      ['Mail', undefined],
      ['Groups', ['a', 'b']],
      ['None', []],
    ]),
  ).toBe('User    ada\nGroups  a\n        b\n')
})

test('times are UTC to the minute', () => {
  expect(time('2026-11-22T19:30:59.999Z')).toBe('2026-11-22 19:30 UTC')
  expect(time(undefined)).toBeUndefined()
})
