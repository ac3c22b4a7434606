import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isPostmasterOf, readPostmasterPid } from './postmaster-pid.ts'

let directory = ''

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keydesk-pid-'))
})

afterEach(() => rmSync(directory, { recursive: true }))

const write = (text: string): void => writeFileSync(join(directory, 'postmaster.pid'), text)

describe('readPostmasterPid', () => {
  test('reads process ID, port and state', () => {
    write('4711\n/data/postgres\n1790000000\n54321\n\n127.0.0.1\n  12345 0\nready   \n')
    expect(readPostmasterPid(directory)).toEqual({ pid: 4711, port: 54_321, isReady: true })
  })

  test('knows no port while PostgreSQL is starting', () => {
    write('4711\n/data/postgres\n1790000000\n')
    expect(readPostmasterPid(directory)).toEqual({ pid: 4711, port: undefined, isReady: false })
  })

  test.each(['', '\n', 'x\n', '-4711\n', '0\n', '1e99\n'])('finds nothing in %j', (text) => {
    write(text)
    expect(readPostmasterPid(directory)).toBeUndefined()
  })

  test('finds nothing where there is no file', () => {
    expect(readPostmasterPid(directory)).toBeUndefined()
  })
})

test('a process that is not a PostgreSQL of this cluster is none', () => {
  expect(isPostmasterOf(directory, process.pid)).toBe(false)
  expect(isPostmasterOf(directory, process.ppid)).toBe(false)
  expect(isPostmasterOf(directory, 2 ** 22 + 1)).toBe(false)
})
