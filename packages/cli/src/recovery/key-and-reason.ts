/** Which key and why: what a disclosure and a request for approval both take. */
import {
  isGuid,
  type CreateDisclosure,
  type DisclosureReason,
  type RecoveryKey,
} from '@keydesk/contract'
import { Option, type Command } from 'commander'
import { CommandError, EXIT_REFUSED } from '../command-error.ts'
import { deviceId } from '../service/find-by-name.ts'
import type { Service } from '../service/service.ts'

/** The contract's ReasonCode, here as text so that no schema has to be loaded. */
const REASONS = [
  'recoveryScreen',
  'hardwareChange',
  'firmwareUpdate',
  'osUpdate',
  'forgottenPin',
  'lostStartupKey',
  'dataRecovery',
  'deviceReturn',
  'investigation',
  'drill',
  'other',
] as const satisfies readonly DisclosureReason['code'][]

export interface KeyAndReason {
  readonly reason: DisclosureReason['code']
  readonly text?: string
  readonly ticket?: string
  readonly device?: string
}

/** The argument. */
export const KEY_ID = [
  'key-id',
  'recovery key ID on the recovery screen, or its first 8 characters',
] as const

export function withKeyAndReason(command: Command): Command {
  return command
    .addOption(
      new Option('--reason <code>', 'why it is needed').choices(REASONS).makeOptionMandatory(),
    )
    .option('--text <text>', 'the reason in words; needed for "other"')
    .option('--ticket <number>', 'number in the ticket system')
    .option('--device <name>', 'which device, where two have the same key ID')
}

/** As the API takes it. Throws NAME_NOT_FOUND or NAME_AMBIGUOUS. */
export async function keyAndReason(
  service: Service,
  keyId: string,
  { reason, text, ticket, device }: KeyAndReason,
): Promise<Pick<CreateDisclosure, 'recoveryKeyId' | 'deviceId' | 'reason'>> {
  const onDevice = device === undefined ? undefined : await deviceId(service, device)
  return {
    recoveryKeyId: await wholeKeyId(service, keyId, onDevice),
    ...(onDevice === undefined ? {} : { deviceId: onDevice }),
    reason: {
      code: reason,
      ...(text === undefined ? {} : { text }),
      ...(ticket === undefined ? {} : { ticket }),
    },
  }
}

/** Throws NAME_NOT_FOUND or NAME_AMBIGUOUS unless it is the beginning of one stored key's ID. */
async function wholeKeyId(
  service: Service,
  keyId: string,
  onDevice: string | undefined,
): Promise<string> {
  const wanted = keyId.replace(/[{}]/g, '').trim().toLowerCase()
  if (isGuid(wanted)) return wanted
  const keys = await service.list<RecoveryKey>('/api/v1/recovery-keys', {
    keyId: wanted,
    deviceId: onDevice,
  })
  const [only, ...others] = [...new Set(keys.map(({ recoveryKeyId }) => recoveryKeyId))]
  if (only === undefined) {
    throw new CommandError('NAME_NOT_FOUND', `No stored key has an ID that begins with ${wanted}`, {
      exitCode: EXIT_REFUSED,
    })
  }
  if (others.length > 0) {
    throw new CommandError(
      'NAME_AMBIGUOUS',
      `${others.length + 1} stored keys have IDs that begin so: give the whole ID`,
      { exitCode: EXIT_REFUSED },
    )
  }
  return only
}
