/**
 * @keydesk/bitlocker: the recovery password codec, recovery key IDs and GUIDs. Pure and
 * browser-safe; what needs node:crypto or a disk is in `@keydesk/bitlocker/volume`. Source of
 * truth: docs/spec/recovery-password.md.
 */
export { guidFromBytes, guidToBytes, isGuid } from './guid.ts'
export { parseRecoveryKeyId, RecoveryKeyIdError } from './recovery-key-id.ts'
export type { RecoveryKeyId, RecoveryKeyIdErrorCode } from './recovery-key-id.ts'
export {
  formatRecoveryPassword,
  generateRecoveryKey,
  parseRecoveryPassword,
  RecoveryPasswordError,
} from './recovery-password.ts'
export type { RecoveryPasswordErrorCode } from './recovery-password.ts'
