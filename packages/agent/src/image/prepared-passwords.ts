/**
 * The recovery passwords of a volume that is not encrypted yet. Windows keeps them in the volume's
 * metadata, where they come into force with the encryption; a sample PC keeps them in a side file,
 * replaced durably as a whole. Like Windows' it holds them in clear: the volume is not protected.
 */
import { formatRecoveryPassword, parseRecoveryPassword } from '@keydesk/bitlocker'
import { AGENT_LIMITS } from '../limits.ts'
import { isMissing, removeIfThere, syncDirectory, writeDurably } from '../durable-file.ts'
import { readBoundedFile } from '../read-bounded-file.ts'
import { ProviderError } from '../volume-provider.ts'
import { dirname } from 'node:path'

export interface PreparedPassword {
  readonly protectorId: string
  /** 16 bytes, secret; whoever read the list wipes it. */
  readonly recoveryKey: Uint8Array
}

/**
 * An empty list where nothing is prepared. Throws ProviderError DEVICE_FAILED on a damaged file.
 */
export async function readPreparedPasswords(path: string): Promise<PreparedPassword[]> {
  let bytes: Uint8Array
  try {
    bytes = await readBoundedFile(path, AGENT_LIMITS.pcDescriptionBytes)
  } catch (error) {
    if (isMissing(error)) return []
    throw new ProviderError('DEVICE_FAILED', `${path} cannot be read`, { cause: error })
  }
  try {
    const list = JSON.parse(new TextDecoder().decode(bytes)) as {
      protectorId: string
      recoveryPassword: string
    }[]
    return list.map(({ protectorId, recoveryPassword }) => ({
      protectorId,
      recoveryKey: parseRecoveryPassword(recoveryPassword),
    }))
  } catch {
    // No cause: a parser's message may quote the file, and the file holds recovery passwords.
    throw new ProviderError('DEVICE_FAILED', `${path} is damaged`)
  }
}

/** Durable on return. An empty list removes the file. */
export async function writePreparedPasswords(
  path: string,
  passwords: readonly PreparedPassword[],
): Promise<void> {
  if (passwords.length === 0) {
    await removeIfThere(path)
    await syncDirectory(dirname(path))
    return
  }
  const list = passwords.map(({ protectorId, recoveryKey }) => ({
    protectorId,
    recoveryPassword: formatRecoveryPassword(recoveryKey),
  }))
  await writeDurably(path, new TextEncoder().encode(`${JSON.stringify(list, undefined, 2)}\n`))
}

export function wipePasswords(passwords: readonly { recoveryKey: Uint8Array }[]): void {
  for (const { recoveryKey } of passwords) recoveryKey.fill(0)
}
