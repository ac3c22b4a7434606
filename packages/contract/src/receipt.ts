/**
 * The receipt: the server's signed statement that it committed this recovery key and opened it.
 *
 * Source of truth: docs/spec/receipt.md, with vectors in docs/spec/receipt/. A device may encrypt,
 * or remove an older protector, only after `verifyReceipt` accepted the receipt (promises P1 and
 * P2).
 */
import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto'
import { Type, type Static } from 'typebox'
import {
  isSignedBy,
  parseJson,
  readCompactJws,
  signCompactJws,
  type CompactJws,
} from './compact-jws.ts'
import { Guid, StrictObject, Timestamp } from './fields.ts'
import { guidToNetworkBytes } from './guid-bytes.ts'
import { jwkThumbprint } from './jwk-thumbprint.ts'
import { LIMITS } from './limits.ts'
import { matches } from './matches.ts'
import type { KeyBinding } from './sealed-key.ts'

const TYPE = 'keydesk-receipt+jwt'
const ALGORITHM = 'EdDSA'
const KEY_CHECK_LABEL = new TextEncoder().encode('keydesk receipt v1')
const RECOVERY_KEY_LENGTH = 16

const Header = StrictObject({
  alg: Type.Literal(ALGORITHM),
  typ: Type.Literal(TYPE),
  kid: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }),
})

const Receipt = StrictObject({
  iss: Type.String({ maxLength: 300, description: 'Origin of the server' }),
  sub: Guid('Device ID'),
  volumeId: Guid('Volume'),
  protectorId: Guid('Protector: the recovery key ID'),
  keyCheck: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }),
  escrowedAt: Timestamp('When the server stored the key'),
})
export type Receipt = Static<typeof Receipt>

export type ReceiptErrorCode =
  | 'MALFORMED'
  /** Signed by another key than the pinned one. */
  | 'KEY'
  | 'SIGNATURE'
  | 'ORIGIN'
  /** For another device, volume or protector. */
  | 'BINDING'
  /** The server opened another recovery key than this one. */
  | 'KEY_CHECK'

export class ReceiptError extends Error {
  readonly code: ReceiptErrorCode

  constructor(code: ReceiptErrorCode, message: string) {
    super(message)
    this.name = 'ReceiptError'
    this.code = code
  }
}

/**
 * `HMAC-SHA256(recovery key, "keydesk receipt v1" ‖ device ID ‖ volume ID ‖ protector ID)`,
 * base64url.
 *
 * Shows that somebody had this very key without telling it: a recovery key has 128 random bits.
 * Still it is no public value: it goes to the device and into the server's table of keys, never
 * into a log.
 */
export function keyCheck(recoveryKey: Uint8Array, binding: KeyBinding): string {
  if (recoveryKey.length !== RECOVERY_KEY_LENGTH) {
    throw new TypeError(`a recovery key has ${RECOVERY_KEY_LENGTH} bytes`)
  }
  // Wrapped: see `secretKey` in hpke.ts.
  return createHmac('sha256', createSecretKey(recoveryKey))
    .update(KEY_CHECK_LABEL)
    .update(guidToNetworkBytes(binding.deviceId))
    .update(guidToNetworkBytes(binding.volumeId))
    .update(guidToNetworkBytes(binding.protectorId))
    .digest('base64url')
}

/** Signs a receipt. Ed25519 is deterministic: the same receipt has the same bytes. */
export async function signReceipt(options: {
  readonly privateKey: KeyObject
  /** Thumbprint of the receipt key. */
  readonly keyId: string
  readonly origin: string
  readonly binding: KeyBinding
  readonly keyCheck: string
  readonly escrowedAt: Date
}): Promise<string> {
  const { binding } = options
  const receipt: Receipt = {
    iss: options.origin,
    sub: binding.deviceId,
    volumeId: binding.volumeId,
    protectorId: binding.protectorId,
    keyCheck: options.keyCheck,
    escrowedAt: options.escrowedAt.toISOString(),
  }
  return signCompactJws({
    header: { alg: ALGORITHM, typ: TYPE, kid: options.keyId },
    payload: receipt,
    algorithm: ALGORITHM,
    privateKey: options.privateKey,
  })
}

/**
 * Accepts a receipt only if the pinned key signed it, for this origin, device, volume and
 * protector, about this recovery key.
 *
 * @throws ReceiptError, and nothing else, whatever the text is
 */
export async function verifyReceipt(options: {
  readonly receipt: string
  readonly publicKey: KeyObject
  readonly origin: string
  readonly binding: KeyBinding
  readonly recoveryKey: Uint8Array
}): Promise<Receipt> {
  const { binding } = options
  const jws = readReceipt(options.receipt, options.publicKey)
  if (!isSignedBy(jws, ALGORITHM, options.publicKey)) {
    throw new ReceiptError('SIGNATURE', 'the signature of the receipt does not hold')
  }
  const receipt = parseJson(jws.payload)
  if (!matches(Receipt, receipt)) throw malformed()
  if (receipt.iss !== options.origin) {
    throw new ReceiptError('ORIGIN', 'the receipt is from another server')
  }
  const isBound =
    receipt.sub === binding.deviceId &&
    receipt.volumeId === binding.volumeId &&
    receipt.protectorId === binding.protectorId
  if (!isBound) {
    throw new ReceiptError('BINDING', 'the receipt is for another device, volume or protector')
  }
  if (!isSameKeyCheck(receipt.keyCheck, keyCheck(options.recoveryKey, binding))) {
    throw new ReceiptError('KEY_CHECK', 'the server opened another recovery key than this one')
  }
  return receipt
}

/** Compares two key checks in constant time. */
export function isSameKeyCheck(a: string, b: string): boolean {
  const [left, right] = [new TextEncoder().encode(a), new TextEncoder().encode(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** Reads the form, and whether the pinned key is the one it names. Verifies nothing yet. */
function readReceipt(text: string, pinnedKey: KeyObject): CompactJws {
  const jws = text.length > LIMITS.receiptLengthMax ? undefined : readCompactJws(text)
  const header = jws?.header
  if (jws === undefined || !matches(Header, header)) throw malformed()
  if (header.kid !== jwkThumbprint(pinnedKey)) {
    throw new ReceiptError('KEY', 'the receipt is signed by another key than the pinned one')
  }
  return jws
}

function malformed(): ReceiptError {
  return new ReceiptError('MALFORMED', 'not a receipt')
}
