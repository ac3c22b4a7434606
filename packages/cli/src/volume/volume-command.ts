/**
 * `keydesk volume …`: what each command takes. Source of truth of the names: the golden command
 * files. Invariant: nothing but options is here; the work is in the file that each action loads.
 */
import { Command, InvalidArgumentError, Option } from 'commander'

import { PARTITION_NUMBER_MAX } from '../limits.ts'
import type { CreateOptions } from './create.ts'
import type { InspectOptions } from './inspect.ts'
import type { PasswordsOptions } from './passwords.ts'
import type { RepairOptions } from './repair.ts'
import type { RotateOptions } from './rotate.ts'
import type { VerifyOptions } from './verify.ts'

/** `finish` receives the exit code of the command that ran. */
export function volumeCommand(finish: (exitCode: number) => void): Command {
  return new Command('volume')
    .description('Work on BitLocker volumes in image files and on disks; needs no service')
    .helpCommand(false)
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .addCommand(inspectCommand(finish))
    .addCommand(verifyCommand(finish))
    .addCommand(passwordsCommand(finish))
    .addCommand(rotateCommand(finish))
    .addCommand(repairCommand(finish))
    .addCommand(createCommand(finish))
}

type Finish = (exitCode: number) => void

function inspectCommand(finish: Finish): Command {
  return withPlace(existing('inspect', 'Show what a volume says about itself (no password needed)'))
    .addHelpText('after', INSPECT_HELP)
    .action(async (image: string, options: InspectOptions) => {
      const { inspect } = await import('./inspect.ts')
      finish(await inspect(image, options))
    })
}

function verifyCommand(finish: Finish): Command {
  const command = existing('verify', 'Try a recovery password or startup key on a volume')
  return withPlace(withCredential(command))
    .addHelpText('after', VERIFY_HELP)
    .addHelpText('after', PASSWORD_HELP)
    .action(async (image: string, options: VerifyOptions) => {
      const { verify } = await import('./verify.ts')
      finish(await verify(image, options))
    })
}

function passwordsCommand(finish: Finish): Command {
  const command = existing('passwords', 'Read back all recovery passwords, with one that works')
  return withPlace(withCredential(command))
    .addHelpText('after', PASSWORD_HELP)
    .action(async (image: string, options: PasswordsOptions) => {
      const { passwords } = await import('./passwords.ts')
      finish(await passwords(image, options))
    })
}

function rotateCommand(finish: Finish): Command {
  const command = withCredential(existing('rotate', 'Replace a recovery password on the disk'))
    .option(
      '--protector <id>',
      'recovery key ID to replace, or its first 8 characters (default: ' +
        'the one that unlocked; with a startup key, the only one)',
    )
    .option(
      '--new-password-out <file>',
      'save the new recovery password in this new file (mode 0600) before the old one is removed',
    )
  return withPlace(command)
    .addHelpText('after', ROTATE_HELP)
    .addHelpText('after', PASSWORD_HELP)
    .action(async (image: string, options: RotateOptions) => {
      const { rotate } = await import('./rotate.ts')
      finish(await rotate(image, options))
    })
}

function repairCommand(finish: Finish): Command {
  const command = existing('repair', 'Mend damaged or stale metadata copies (no password needed)')
  return withPlace(
    command.option('--dry-run', 'say what would be done, and change nothing'),
  ).action(async (image: string, options: RepairOptions) => {
    const { repair } = await import('./repair.ts')
    finish(await repair(image, options))
  })
}

function createCommand(finish: Finish): Command {
  return new Command('create')
    .description('Make an image file with a new BitLocker volume')
    .argument('<image>', 'image file to make')
    .option(
      '--size <size>',
      'size of the volume: 64M, 1G, or bytes (default with --from: as small as possible)',
    )
    .option('--from <file>', 'encrypt this file system image instead of zeros; it is only read')
    .addOption(
      new Option('--method <method>', 'how to encrypt')
        .choices(['xts-aes-128', 'xts-aes-256'])
        .default('xts-aes-128'),
    )
    .option('--startup-key-out <file>', 'add a startup key and save it in this new .BEK file')
    .option('--force', 'replace an existing image')
    .option('--json', JSON_TEXT)
    .action(async (image: string, options: CreateOptions) => {
      const { create } = await import('./create.ts')
      finish(await create(image, options))
    })
}

/** A command that works on what is there already. */
function existing(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .argument('<image>', 'image file or block device, of a volume or of a whole disk')
}

function withCredential(command: Command): Command {
  return command
    .option(
      '--recovery-password-file <file>',
      'file with the 48 digits, or the text file that Windows saved; - is standard input',
    )
    .option('--startup-key <file>', 'startup key file (.BEK)')
}

function withPlace(command: Command): Command {
  return command
    .option('--partition <n>', 'which BitLocker partition of a disk, as inspect counts', partition)
    .option('--json', JSON_TEXT)
}

function partition(text: string): number {
  const number = Number(text)
  if (/^[1-9]\d{0,3}$/.test(text) && number <= PARTITION_NUMBER_MAX) return number
  throw new InvalidArgumentError(`It is a number from 1 to ${PARTITION_NUMBER_MAX}.`)
}

const JSON_TEXT = 'print JSON; errors too, on standard error'

const INSPECT_HELP = `
Of a whole disk (GPT or MBR) it shows every BitLocker partition; their numbers
are what --partition takes.`

const VERIFY_HELP = `
Exit code: 0 it unlocks the volume, 1 it does not, 2 it could not be tried.`

const PASSWORD_HELP = `
A password is never taken from an argument, where others on this machine could
read it:
  keydesk volume verify disk.img --recovery-password-file password.txt
  keydesk volume verify disk.img --recovery-password-file -    (then type it)`

const ROTATE_HELP = `
The new password is added, shown (and saved, with --new-password-out), and only
then is the old one removed. If that stops half-way, both unlock the volume, and
"keydesk volume passwords" reads the new one back with the old one.
TPM, PIN, startup key and other recovery passwords stay as they are.

What this cannot do: a copy of the disk that was made before still opens with
the old password, because the key of the data stays the same. Only encrypting
anew changes that.`
