/**
 * `keydesk recover`: one recovery password, recorded before it is shown. Invariant: it goes to a
 * terminal; anywhere else, where it would stay, only with --force.
 */
import type { Disclosure, DisclosureReason, RecoveryKey } from '@keydesk/contract'
import { Option, type Command } from 'commander'
import { CommandError, EXIT_REFUSED } from '../command-error.ts'
import { newCommand, onService } from '../service/commands.ts'
import { deviceId } from '../service/find-by-name.ts'
import { oneLine } from '../service/one-line.ts'
import { renderFields, time } from '../service/render-table.ts'
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

interface RecoverOptions {
  readonly reason: string
  readonly text?: string
  readonly ticket?: string
  readonly device?: string
  readonly approval?: string
  readonly emergency?: boolean
  readonly force?: boolean
}

export function recoverCommand(): Command {
  const command = newCommand('recover', 'Be shown a recovery password', [
    ['key-id', 'recovery key ID on the recovery screen, or its first 8 characters'],
  ])
    .addOption(
      new Option('--reason <code>', 'why it is needed').choices(REASONS).makeOptionMandatory(),
    )
    .option('--text <text>', 'the reason in words; needed for "other"')
    .option('--ticket <number>', 'number in the ticket system')
    .option('--device <name>', 'which device, where two have the same key ID')
    .option('--approval <id>', 'the approved request')
    .option('--emergency', 'show it now although approval is demanded; it is reviewed afterwards')
    .option('--force', 'print it although standard output is not a terminal')
    .addHelpText('after', HELP)
  return onService<RecoverOptions>(command, async (service, [keyId = ''], options) => {
    if (!process.stdout.isTTY && options.force !== true) {
      throw new CommandError(
        'USAGE',
        'Standard output is not a terminal, and a recovery password would stay there: add --force',
      )
    }
    const shown = await disclose(service, keyId, options)
    return { json: shown, text: disclosureText(shown) }
  })
}

async function disclose(
  service: Service,
  keyId: string,
  options: RecoverOptions,
): Promise<Disclosure> {
  const { reason, text, ticket, device, approval, emergency } = options
  const onDevice = device === undefined ? undefined : await deviceId(service, device)
  return await service.post<Disclosure>('/api/v1/disclosures', {
    recoveryKeyId: await wholeKeyId(service, keyId, onDevice),
    ...(onDevice === undefined ? {} : { deviceId: onDevice }),
    reason: {
      code: reason,
      ...(text === undefined ? {} : { text }),
      ...(ticket === undefined ? {} : { ticket }),
    },
    ...(approval === undefined ? {} : { approvalId: approval }),
    ...(emergency === true ? { emergency: true } : {}),
  })
}

/** Throws NAME_NOT_FOUND or NAME_AMBIGUOUS unless it is the beginning of one stored key's ID. */
async function wholeKeyId(
  service: Service,
  keyId: string,
  onDevice: string | undefined,
): Promise<string> {
  const wanted = keyId.replace(/[{}]/g, '').trim().toLowerCase()
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(wanted)) return wanted
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

function disclosureText(shown: Disclosure): string {
  const { device, volume } = shown
  const fields = renderFields([
    ['Device', `${device.name} (${device.id})`],
    ['Volume', volume.mountPoint ?? volume.id],
    ['Recovery key', shown.recoveryKeyId.toUpperCase()],
    ['State', shown.keyState],
  ])
  const after =
    shown.rotationId === undefined
      ? 'The look is recorded.'
      : 'The look is recorded, and the device will replace this password.'
  return (
    `${fields}\n  ${oneLine(shown.recoveryPassword)}\n\n${after} ` +
    `Clear the screen by ${time(shown.expiresAt)}.\n`
  )
}

const HELP = `
The look is recorded with your name and the reason before anything is shown,
and the password is replaced on the disk afterwards. It is printed to a
terminal only.`
