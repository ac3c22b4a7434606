/**
 * `keydesk volume rotate`: a new recovery password on the disk in place of an old one. Invariants:
 * the new one is shown, and saved where asked, before the old one is removed; if anything fails
 * after the new one may be on the disk, it is shown all the same.
 */
import { randomUUID } from 'node:crypto'

import { formatRecoveryPassword, generateRecoveryKey } from '@keydesk/bitlocker'
import { addRecoveryPassword, readVolume, removeProtectors } from '@keydesk/bitlocker/volume'
import type { UnlockedVolume, VolumeFile } from '@keydesk/bitlocker/volume'

import { CommandError } from '../command-error.ts'
import { interruption } from '../interruption.ts'
import { progressLine } from '../progress-line.ts'
import { namedProtector, onlyProtector } from './choose-protector.ts'
import { openTarget } from './open-target.ts'
import type { TargetOptions } from './open-target.ts'
import { readCredential, wipe } from './read-credential.ts'
import type { CredentialOptions } from './read-credential.ts'
import { JSON_OUTPUT, TEXT_OUTPUT } from './rotation-output.ts'
import type { AddedPassword, RotationOutput } from './rotation-output.ts'
import { reserveSecretFile } from './secret-file.ts'
import type { SecretFile } from './secret-file.ts'
import { unlockOrRefuse } from './unlock-or-refuse.ts'
import { screenId } from './words.ts'

export interface RotateOptions extends TargetOptions, CredentialOptions {
  readonly protector?: string
  readonly newPasswordOut?: string
  readonly json?: boolean
}

export async function rotate(image: string, options: RotateOptions): Promise<number> {
  const signal = interruption()
  const { protector, startupKey, newPasswordOut, json } = options
  await using file = await openTarget(image, 'write', options)
  const volume = await readVolume(file)
  const named = protector === undefined ? undefined : namedProtector(volume, protector)
  const byStartupKey = named === undefined && startupKey !== undefined
  const only = byStartupKey ? onlyProtector(volume) : undefined
  await using saved =
    newPasswordOut === undefined ? undefined : await reserveSecretFile(newPasswordOut)
  const credential = await readCredential(options, signal)
  try {
    using unlocked = await unlockOrRefuse(file, credential, signal)
    const old = named ?? (byStartupKey ? only : unlocked.protectorId)
    const output = json ? JSON_OUTPUT : TEXT_OUTPUT
    await replace({ file, unlocked, old, saved, output, signal })
  } finally {
    wipe(credential)
  }
  return 0
}

interface Replacement {
  readonly file: VolumeFile
  readonly unlocked: UnlockedVolume
  /** Undefined when there is none to remove. */
  readonly old: string | undefined
  readonly saved: SecretFile | undefined
  readonly output: RotationOutput
  readonly signal: AbortSignal
}

async function replace(replacement: Replacement): Promise<void> {
  const { file, unlocked, old, output, signal } = replacement
  const added = await addNew(replacement)
  await handOut(replacement, added)
  try {
    if (old !== undefined) {
      using progress = progressLine('Removing the old recovery password')
      const work = { signal, onProgress: progress.update }
      await removeProtectors(file, unlocked, [old], work)
    }
  } catch (error) {
    await output.removed([])
    throw stillThere(error, old)
  }
  await output.removed(old === undefined ? [] : [old])
}

/** The new password, once the volume opens with it. */
async function addNew({ file, unlocked, output, signal }: Replacement): Promise<AddedPassword> {
  // Made here and not by addRecoveryPassword, so that it is known whatever happens in there.
  const recoveryKey = generateRecoveryKey()
  const added = { id: randomUUID(), recoveryPassword: formatRecoveryPassword(recoveryKey) }
  try {
    using progress = progressLine('Adding the new recovery password')
    const work = { signal, onProgress: progress.update }
    const chosen = { protectorId: added.id, recoveryKey }
    const { recoveryKey: copy } = await addRecoveryPassword(file, unlocked, { ...work, ...chosen })
    copy.fill(0)
    return added
  } catch (error) {
    if (!(await mayHold(file, added.id))) throw error
    await output.added(added)
    await output.removed([])
    throw halfDone(
      error,
      'the new recovery password may be on the volume and was printed; the old one still unlocks. ' +
        'Keep both, run "keydesk volume repair", then rotate again',
    )
  } finally {
    recoveryKey.fill(0)
  }
}

/** Whether a protector may have got onto the disk before something failed. */
async function mayHold(file: VolumeFile, id: string): Promise<boolean> {
  try {
    const { protectors } = await readVolume(file)
    return protectors.some((protector) => protector.id === id)
  } catch {
    // A disk that cannot be read now: showing a password that is not there does no harm.
    return true
  }
}

/** Into the file if one is wanted, and onto standard output; if that fails nothing is removed. */
async function handOut({ saved, output, old }: Replacement, added: AddedPassword): Promise<void> {
  try {
    await saved?.write(new TextEncoder().encode(`${added.recoveryPassword}\n`))
  } catch (error) {
    await output.added(added)
    await output.removed([])
    throw stillThere(error, old)
  }
  try {
    await output.added({ ...added, savedIn: saved?.path })
  } catch (error) {
    throw halfDone(
      error,
      `the new recovery password ${screenId(added.id)} was added and nothing was removed; ` +
        'read it with "keydesk volume passwords"',
    )
  }
}

function stillThere(error: unknown, old: string | undefined): CommandError {
  if (old === undefined) return halfDone(error, 'the new recovery password unlocks the volume')
  return halfDone(
    error,
    `the new recovery password was handed out and unlocks the volume, but the old one, ` +
      `${screenId(old)}, may unlock it as well; rotate again with --protector ${screenId(old)}`,
  )
}

function halfDone(cause: unknown, state: string): CommandError {
  const why = cause instanceof Error ? cause.message : 'an unknown reason'
  const message = `The rotation stopped half-way (${why}): ${state}`
  return new CommandError('ROTATION_HALF_DONE', message, { cause })
}
