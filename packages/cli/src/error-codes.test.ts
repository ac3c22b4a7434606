import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { RECOVERY_KEY_ID_ERROR_CODES, RECOVERY_PASSWORD_ERROR_CODES } from '@keydesk/bitlocker'
import { VOLUME_ERROR_CODES } from '@keydesk/bitlocker/volume'
import { expect, test } from 'vitest'

import { COMMAND_ERROR_CODES } from './command-error.ts'

test('README.md says of every code, in order, what to do', () => {
  const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')
  const [, section = ''] = readme.split('## Error codes\n')
  const rows = section.split('\n## ')[0]!.matchAll(/^\| `([A-Z_]+)` \| (\S.*\.) \|$/gm)
  expect(Array.from(rows, ([, code]) => code)).toEqual([
    ...COMMAND_ERROR_CODES,
    ...RECOVERY_PASSWORD_ERROR_CODES,
    ...RECOVERY_KEY_ID_ERROR_CODES,
    ...VOLUME_ERROR_CODES,
  ])
})
