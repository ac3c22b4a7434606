/**
 * `keydesk recover`: one recovery password, recorded before it is shown. Invariant: it goes to a
 * terminal; anywhere else, where it would stay, only with --force.
 */
import type { Disclosure } from '@keydesk/contract'
import type { Command } from 'commander'
import { CommandError } from '../command-error.ts'
import { newCommand, onService } from '../service/commands.ts'
import { oneLine } from '../service/one-line.ts'
import { renderFields, time } from '../service/render-table.ts'
import type { Service } from '../service/service.ts'
import { KEY_ID, keyAndReason, withKeyAndReason, type KeyAndReason } from './key-and-reason.ts'

interface RecoverOptions extends KeyAndReason {
  readonly approval?: string
  readonly emergency?: boolean
  readonly force?: boolean
}

export function recoverCommand(): Command {
  const command = withKeyAndReason(newCommand('recover', 'Be shown a recovery password', [KEY_ID]))
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
  const { approval, emergency } = options
  return await service.post<Disclosure>('/api/v1/disclosures', {
    ...(await keyAndReason(service, keyId, options)),
    ...(approval === undefined ? {} : { approvalId: approval }),
    ...(emergency === true ? { emergency: true } : {}),
  })
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
