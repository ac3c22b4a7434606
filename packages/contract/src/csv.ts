/**
 * CSV import and export of users, groups and devices: `POST /api/v1/{users,groups,devices}/import`
 * with a body of `text/csv` (UTF-8, with or without a byte order mark; comma or semicolon by the
 * header; RFC 4180 quoting), `GET …/export`. An import is applied as a whole or not at all.
 *
 * The first line names the columns, in any order and case. A column that is absent leaves what it
 * is about as it is; an empty field takes it away.
 */
import { Type, type Static } from 'typebox'
import { LIMITS } from './limits.ts'
import { OneOf, StrictObject } from './fields.ts'

/** `id` finds a user whose principal name changes; without it the principal name finds him. */
export const USER_CSV_COLUMNS = [
  'id',
  'userPrincipalName',
  'displayName',
  'givenName',
  'familyName',
  'mail',
  'department',
  'isActive',
] as const

/** One row for each member; a group without members has one row with an empty `member`. */
export const GROUP_CSV_COLUMNS = ['group', 'description', 'member'] as const

/**
 * A device is found by `deviceId`, or else by `name` and `serialNumber`, whichever are given, if
 * they name one device only. Sets of devices are named with `|` between them: assigned ones only.
 */
export const DEVICE_CSV_COLUMNS = [
  'deviceId',
  'name',
  'serialNumber',
  'owner',
  'administrativeUnits',
  'deviceGroups',
] as const

const DryRun = Type.Optional(
  OneOf(['true', 'false'], 'true: says what would happen, and changes nothing'),
)

export const ImportQuery = StrictObject({ dryRun: DryRun })
export type ImportQuery = Static<typeof ImportQuery>

export const GroupImportQuery = StrictObject({
  dryRun: DryRun,
  members: Type.Optional(
    OneOf(
      ['add', 'replace'],
      '`add` (if absent): members that the file does not name stay; `replace`: they are removed ' +
        'from the groups that it names',
    ),
  ),
})
export type GroupImportQuery = Static<typeof GroupImportQuery>

export const ImportResult = StrictObject({
  applied: Type.Boolean({ description: 'False after an error, and after a dry run' }),
  created: Type.Integer({ minimum: 0, description: 'Made, or that would be' }),
  updated: Type.Integer({ minimum: 0, description: 'Changed, or that would be' }),
  unchanged: Type.Integer({ minimum: 0, description: 'Already as the file says' }),
  errorCount: Type.Integer({ minimum: 0, description: 'Any error: nothing was applied' }),
  errors: Type.Array(
    StrictObject({
      line: Type.Integer({ minimum: 1, description: 'Line of the file on which the row begins' }),
      column: Type.Optional(Type.String({ description: 'Name of the column' })),
      message: Type.String({ description: 'What is wrong' }),
    }),
    { description: `The first ${LIMITS.csvErrorsMax}, by line` },
  ),
})
export type ImportResult = Static<typeof ImportResult>
