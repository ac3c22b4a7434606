/** `status` for people. The exact text is held by golden files in the tests. */
import { shortKeyId, volumeName } from './agent.ts'
import type { EscrowState, ProtectorStatus, StatusReport, VolumeReport } from './status.ts'
import type { ProtectorType, VolumeStatus, VolumeType } from './volume-provider.ts'

const TYPES: Record<ProtectorType, string> = {
  recoveryPassword: 'recovery password',
  tpm: 'TPM',
  tpmAndPin: 'TPM and PIN',
  tpmAndStartupKey: 'TPM and startup key',
  tpmAndPinAndStartupKey: 'TPM, PIN and startup key',
  startupKey: 'startup key',
  password: 'password',
  clearKey: 'clear key: protection is suspended',
  publicKey: 'certificate',
  unknown: 'of a kind that this agent does not know',
}

const STATUS: Record<VolumeStatus, string> = {
  fullyDecrypted: 'not encrypted',
  fullyEncrypted: 'encrypted',
  encryptionInProgress: 'being encrypted',
  decryptionInProgress: 'being decrypted',
  encryptionSuspended: 'encryption paused',
  decryptionSuspended: 'decryption paused',
  fullyEncryptedWipeInProgress: 'encrypted, free space being wiped',
  fullyEncryptedWipeSuspended: 'encrypted, wiping of free space paused',
  unknown: 'state unknown',
}

const VOLUMES: Record<VolumeType, string> = {
  operatingSystem: 'operating system',
  fixed: 'fixed data',
  removable: 'removable',
}

const ESCROW: Record<EscrowState, string> = {
  escrowed: 'escrowed',
  notEscrowed: 'NOT ESCROWED',
  disputed: 'REFUSED by the service: it needs a successor',
  unknown: 'locked, not checked',
}

export function renderStatus(report: StatusReport): string {
  const lines = [
    row('This PC', `${report.device.name}, device ${report.device.deviceId}`),
    row('Service', `${report.server}, enrolled ${time(report.enrolledAt)}`),
    row('Last round', lastRound(report)),
    ...(report.policy === null ? [] : [row('Policy', policy(report.policy))]),
    ...(report.clockOffsetSeconds === 0 ? [] : [row('Clock', clock(report.clockOffsetSeconds))]),
    ...report.volumes.flatMap((volume) => ['', ...volumeLines(volume)]),
    ...section('Rotations in progress', rotationLines(report)),
    ...section('Problems of the last round', problemLines(report)),
  ]
  return `${lines.join('\n')}\n`
}

function row(label: string, text: string): string {
  return `${label.padEnd(12)}${text}`
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)]
}

/** Minutes are enough for a person, and the zone is said. */
function time(rfc3339: string): string {
  return `${rfc3339.slice(0, 16).replace('T', ' ')} UTC`
}

function lastRound({ lastRound: round }: StatusReport): string {
  if (round === null) return 'none yet: run "keydesk-agent check-in"'
  return `${time(round.at)}, ${round.checkedIn ? 'checked in' : 'NOT CHECKED IN'}`
}

function policy({ requireEncryption, encryptionMethod }: NonNullable<StatusReport['policy']>) {
  return requireEncryption ? `encryption required, ${encryptionMethod}` : 'encryption not required'
}

function clock(offsetSeconds: number): string {
  const seconds = Math.abs(offsetSeconds)
  const amount = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`
  return `${amount} ${offsetSeconds > 0 ? 'behind' : 'ahead of'} the service; corrected in requests`
}

function volumeLines(volume: VolumeReport): string[] {
  const title = [
    `${volume.mountPoint ?? volume.volumeId}  ${VOLUMES[volume.volumeType]}`,
    volume.lock === 'locked' ? 'LOCKED' : STATUS[volume.status],
    ...(volume.protection === 'unknown' ? [] : [`protection ${volume.protection}`]),
    ...(volume.encryptionMethod === undefined ? [] : [volume.encryptionMethod]),
  ].join(', ')
  if (volume.protectors === null) return [title, '    protectors could not be read']
  if (volume.protectors.length === 0) return [title, '    no protectors']
  return [title, ...volume.protectors.map((protector) => `    ${protectorLine(protector)}`)]
}

function protectorLine({ id, type, escrow, receiptStoredAt }: ProtectorStatus): string {
  const text = escrow === undefined ? '' : `, ${ESCROW[escrow]}`
  const when = receiptStoredAt === undefined ? '' : ` ${time(receiptStoredAt)}`
  return `${id.toUpperCase()}  ${TYPES[type]}${text}${when}`
}

function rotationLines({ rotations, volumes }: StatusReport): string[] {
  return rotations.map(({ protectorId, volumeId, startedAt }) => {
    const mountPoint = volumes.find((volume) => volume.volumeId === volumeId)?.mountPoint
    const where = volumeName({
      id: volumeId,
      ...(mountPoint === undefined ? {} : { mountPoint }),
    })
    return `${shortKeyId(protectorId)} on ${where}, since ${time(startedAt)}`
  })
}

function problemLines({ lastRound: round }: StatusReport): string[] {
  return (round?.problems ?? []).map(({ code, message }) => `${message} [${code}]`)
}
