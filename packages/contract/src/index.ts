/**
 * The HTTP API as data: schemas, error codes, limits, permissions. Runs in the browser too; what
 * needs `node:crypto` has entry points of its own: `@keydesk/contract/sealed-key`,
 * `/device-request`, `/receipt`.
 */
export * from './api-scopes.ts'
export * from './audit.ts'
export * from './built-in-roles.ts'
export * from './check-in.ts'
export * from './device.ts'
export * from './devices.ts'
export * from './disclosures.ts'
export * from './enrollment.ts'
export * from './enrollment-tokens.ts'
export * from './errors.ts'
export * from './escrow.ts'
export * from './exposures.ts'
export * from './limits.ts'
export * from './matches.ts'
export * from './permission-names.ts'
export * from './permissions.ts'
export * from './recovery-keys.ts'
export * from './rotations.ts'
export * from './sign-in-info.ts'
export * from './words.ts'
