/** What PostgreSQL refuses because of other rows, as an answer that names the reason. */

import { DatabaseError } from 'pg'
import { AppError, type AppErrorOptions } from '../errors.ts'

/** Runs `write`. Throws AppError NAME_TAKEN where a unique index refuses it. */
export async function refuseTakenName<T>(what: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (!isViolation(error, '23505')) throw error
    const isById = error.constraint?.endsWith('_by_external_id') === true
    const sameness = isById ? 'external ID' : 'name'
    throw new AppError(
      'NAME_TAKEN',
      `There is another ${what} with this ${sameness}.`,
      because(error),
    )
  }
}

/** Runs `remove`. Throws AppError IN_USE where a foreign key refuses it. */
export async function refuseInUse<T>(what: string, remove: () => Promise<T>): Promise<T> {
  try {
    return await remove()
  } catch (error) {
    if (!isViolation(error, '23503')) throw error
    const detail = `Something still refers to this ${what}, such as a rule for disclosures.`
    throw new AppError('IN_USE', detail, because(error))
  }
}

function isViolation(error: unknown, sqlState: string): error is DatabaseError {
  return error instanceof DatabaseError && error.code === sqlState
}

function because(cause: unknown): AppErrorOptions {
  return { cause }
}
