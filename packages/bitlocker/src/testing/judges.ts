/**
 * The judges that we did not write: cryptsetup and dislocker (docs/spec/fve-metadata.md, "Judges").
 * They work on plain files, need no root and no device-mapper. Where one is absent, tests that need
 * it skip and say so.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, ftruncateSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'

const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`

function present(tool: string): boolean {
  const found = spawnSync(tool, ['--version'], { env: { PATH } }).error === undefined
  if (!found) process.stderr.write(`SKIP: ${tool} is not on this machine, so it cannot judge\n`)
  return found
}

export const haveCryptsetup = present('cryptsetup')
export const haveDislocker = present('dislocker-file')

/** Whether `cryptsetup open --type bitlk` accepts a recovery password or passphrase. */
export function cryptsetupAccepts(image: string, password: string): boolean {
  const args = ['open', '--type', 'bitlk', '--test-passphrase', '-r', image]
  const { status } = spawnSync('cryptsetup', args, { env: { PATH }, input: password })
  return status === 0
}

/** What `cryptsetup bitlkDump` prints; throws when it refuses the image. */
export function cryptsetupDump(image: string): string {
  return execFileSync('cryptsetup', ['bitlkDump', image], { env: { PATH }, encoding: 'utf8' })
}

/** What `dislocker-metadata` prints; throws when it refuses the image. */
export function dislockerDump(image: string): string {
  const args = ['-V', image]
  return execFileSync('dislocker-metadata', args, { env: { PATH }, encoding: 'utf8' })
}

/** `copy` (1 to 3) makes dislocker use that metadata copy only. */
export type DislockerCredential = { copy?: 1 | 2 | 3 } & (
  | { recoveryPassword: string }
  | { password: string }
  | { startupKeyFile: string }
)

/** Decrypts the image into `output` with dislocker-file; false when the credential is refused. */
export function dislockerDecrypts(
  image: string,
  credential: DislockerCredential,
  output: string,
): boolean {
  rmSync(output, { force: true })
  const secret =
    'recoveryPassword' in credential
      ? [`-p${credential.recoveryPassword}`]
      : 'password' in credential
        ? [`-u${credential.password}`]
        : ['-f', credential.startupKeyFile]
  const only = credential.copy === undefined ? [] : [`-F${credential.copy}`]
  const args = [...only, '-r', '-V', image, ...secret, '--', output]
  return spawnSync('dislocker-file', args, { env: { PATH } }).status === 0
}

/** Writes an image with holes where it is zero, since most of a sample volume is. */
export function writeSparseImage(path: string, bytes: Uint8Array): void {
  const chunk = 65_536
  writeFileSync(path, '')
  const file = openSync(path, 'r+')
  ftruncateSync(file, bytes.length)
  for (let at = 0; at < bytes.length; at += chunk) {
    const part = bytes.subarray(at, at + chunk)
    if (!isZero(part)) writeSync(file, part, 0, part.length, at)
  }
  closeSync(file)
}

function isZero(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte !== 0) return false
  return true
}
