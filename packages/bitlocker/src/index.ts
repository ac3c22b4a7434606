/**
 * @keydesk/bitlocker: the recovery password codec, recovery key IDs and GUIDs. Pure and
 * browser-safe; what needs node:crypto or a disk is in `@keydesk/bitlocker/volume`. Source of
 * truth: docs/spec/recovery-password.md.
 */
export { guidFromBytes, guidToBytes, isGuid } from './guid.ts'
export { BITLOCKER_LIMITS } from './limits.ts'
export {
  parseRecoveryKeyId,
  RECOVERY_KEY_ID_ERROR_CODES,
  RecoveryKeyIdError,
} from './recovery-key-id.ts'
export type { RecoveryKeyId, RecoveryKeyIdErrorCode } from './recovery-key-id.ts'
export {
  formatRecoveryPassword,
  generateRecoveryKey,
  parseRecoveryPassword,
  RECOVERY_PASSWORD_ERROR_CODES,
  RecoveryPasswordError,
} from './recovery-password.ts'
export type { RecoveryPasswordErrorCode } from './recovery-password.ts'
