import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createFileOnce } from './durable-file.ts'

let directory = ''

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keydesk-durable-'))
})

afterEach(() => rmSync(directory, { recursive: true }))

test('a file is made once, private, and leaves no draft behind', () => {
  const path = join(directory, 'file')
  expect(createFileOnce(path, 'first')).toBe(true)
  expect(createFileOnce(path, 'second')).toBe(false)
  expect(readFileSync(path, 'utf8')).toBe('first')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readdirSync(directory)).toEqual(['file'])
})

test('a directory that is missing is an error, not a silent loss', () => {
  expect(() => createFileOnce(join(directory, 'no', 'file'), '')).toThrow('ENOENT')
})
