/**
 * From a protector and what opens it to the volume master key (docs/spec/fve-metadata.md,
 * "Protectors"). Invariant: undefined means "this does not open it"; an error means that it could
 * not be tried.
 */
import { openKey } from './aes-ccm.ts'
import { DATUM_ROLE, DATUM_TYPE } from './datum.ts'
import type { Datum } from './datum.ts'
import { KEY_TYPE } from './key-datum.ts'
import { isStretchKey, parseStretchKey } from './password-key.ts'
import type { PasswordStretcher } from './password-key.ts'
import { protectorParts } from './protector.ts'
import { VolumeError } from './volume-error.ts'

const MASTER_KEY = { keyType: KEY_TYPE.volumeMaster, length: 32 } as const
const RECOVERY_KEY = { keyType: KEY_TYPE.recoveryKey, length: 16 } as const

/** Opens a recovery password or passphrase protector. The caller wipes the master key. */
export async function openWithPassword(
  protector: Datum,
  stretcher: PasswordStretcher,
): Promise<Uint8Array | undefined> {
  const parts = protectorParts(protector)
  const stretchKey = parts.find(isStretchKey)
  const wrapped = wrappedMasterKey(parts)
  if (!stretchKey || !wrapped) throw incomplete()
  return openKey(wrapped, await stretcher.keyFor(parseStretchKey(stretchKey).salt), MASTER_KEY)
}

/** Opens a startup key protector with the 32 bytes of its .BEK file. */
export function openWithExternalKey(
  protector: Datum,
  externalKey: Uint8Array,
): Uint8Array | undefined {
  const wrapped = wrappedMasterKey(protectorParts(protector))
  if (!wrapped) throw incomplete()
  return openKey(wrapped, externalKey, MASTER_KEY)
}

/**
 * The recovery key that a recovery password protector keeps for whoever has the volume master key.
 */
export function storedRecoveryKey(protector: Datum, masterKey: Uint8Array): Uint8Array | undefined {
  const stretchKey = protectorParts(protector).find(isStretchKey)
  if (!stretchKey) return undefined
  for (const datum of parseStretchKey(stretchKey).nested) {
    // Windows 7 writes role 0, later versions 0x12.
    if (datum.role !== DATUM_ROLE.recoveryKeyCopy && datum.role !== DATUM_ROLE.property) continue
    const key = openKey(datum, masterKey, RECOVERY_KEY)
    if (key) return key
  }
  return undefined
}

function wrappedMasterKey(parts: readonly Datum[]): Datum | undefined {
  return parts.find(({ role, type }) => role === DATUM_ROLE.property && type === DATUM_TYPE.aesCcm)
}

function incomplete(): VolumeError {
  return new VolumeError('VOLUME_DAMAGED', 'A protector lacks its salt or its wrapped key')
}
