/**
 * New protectors, built as Windows 8 and later build them (docs/spec/fve-metadata.md,
 * "Protectors"). Invariant: each also keeps its secret wrapped with the master key, which is what
 * lets Windows show a recovery password again.
 */
import { randomBytes } from 'node:crypto'

import { sealKey } from './aes-ccm.ts'
import type { WorkOptions } from './credential.ts'
import { DATUM_ROLE, DATUM_TYPE, encodeDatum, encodeString } from './datum.ts'
import { guidToBytes } from './guid.ts'
import { KEY_TYPE } from './key-datum.ts'
import { concatBytes, writeU16, writeU64 } from './little-endian.ts'
import type { NonceSource } from './nonce-source.ts'
import { recoveryKeyInitial } from './password-key.ts'
import { stretch } from './stretch.ts'

const PROTECTION = { startupKey: 0x0200, recoveryPassword: 0x0800 } as const

interface Wrapping {
  readonly masterKey: Uint8Array
  readonly nonces: NonceSource
}

/** A recovery password protector with a fresh salt; costs one stretch. */
export async function encodeRecoveryPasswordProtector(
  protector: { protectorId: string; recoveryKey: Uint8Array },
  { masterKey, nonces }: Wrapping,
  options: WorkOptions,
): Promise<Uint8Array> {
  const { recoveryKey, protectorId } = protector
  const salt = randomBytes(16)
  const initial = recoveryKeyInitial(recoveryKey)
  const stretched = await stretch(initial, salt, options)
  const stretchKey = encodeDatum(
    { role: DATUM_ROLE.property, type: DATUM_TYPE.stretchKey },
    keyKind(KEY_TYPE.recoveryKey),
    salt,
    sealKey(
      { keyType: KEY_TYPE.recoveryKey, key: recoveryKey, role: DATUM_ROLE.recoveryKeyCopy },
      masterKey,
      nonces.next(),
    ),
    sealKey(
      { keyType: KEY_TYPE.stretchedRecovery, key: stretched, role: DATUM_ROLE.stretchedKeyCopy },
      masterKey,
      nonces.next(),
    ),
  )
  const wrapped = sealKey(
    { keyType: KEY_TYPE.volumeMaster, key: masterKey },
    stretched,
    nonces.next(),
  )
  initial.fill(0)
  stretched.fill(0)
  return encodeProtector(protectorId, PROTECTION.recoveryPassword, nonces, [
    encodeString(DATUM_ROLE.property, 'DiskPassword'),
    stretchKey,
    wrapped,
  ])
}

/** A startup key protector for the 32 bytes of a .BEK file. */
export function encodeStartupKeyProtector(
  protector: { protectorId: string; key: Uint8Array },
  { masterKey, nonces }: Wrapping,
): Uint8Array {
  const useKey = encodeDatum(
    { role: DATUM_ROLE.property, type: DATUM_TYPE.useKey },
    keyKind(KEY_TYPE.external),
    sealKey({ keyType: KEY_TYPE.external, key: protector.key }, masterKey, nonces.next()),
  )
  return encodeProtector(protector.protectorId, PROTECTION.startupKey, nonces, [
    encodeString(DATUM_ROLE.property, 'ExternalKey'),
    useKey,
    sealKey({ keyType: KEY_TYPE.volumeMaster, key: masterKey }, protector.key, nonces.next()),
  ])
}

function encodeProtector(
  id: string,
  protection: number,
  nonces: NonceSource,
  parts: readonly Uint8Array[],
): Uint8Array {
  const fixed = new Uint8Array(12)
  writeU64(fixed, 0, nonces.time)
  writeU16(fixed, 10, protection)
  return encodeDatum(
    { role: DATUM_ROLE.protector, type: DATUM_TYPE.protector },
    guidToBytes(id),
    fixed,
    concatBytes(...parts),
  )
}

function keyKind(keyType: number): Uint8Array {
  const kind = new Uint8Array(4)
  writeU16(kind, 0, keyType)
  return kind
}
