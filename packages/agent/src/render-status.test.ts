import { expect, test } from 'vitest'
import { renderStatus } from './render-status.ts'
import type { StatusReport } from './status.ts'

const ID = (n: number) => `0000000${n}-aaaa-4bbb-8ccc-dddddddddddd`
const AT = '2026-11-22T12:00:00.000Z'

const REPORT: StatusReport = {
  device: { name: 'PC-ANNA', deviceId: ID(1) },
  server: 'https://keydesk.example',
  enrolledAt: AT,
  clockOffsetSeconds: 0,
  checkInIntervalSeconds: 3600,
  policy: { requireEncryption: true, encryptionMethod: 'xts-aes-256', receivedAt: AT },
  lastRound: { at: AT, checkedIn: true, problems: [] },
  volumes: [
    {
      volumeId: ID(2),
      volumeType: 'operatingSystem',
      mountPoint: 'C:',
      status: 'fullyEncrypted',
      protection: 'on',
      lock: 'unlocked',
      encryptionMethod: 'xts-aes-256',
      protectors: [
        { id: ID(3), type: 'tpmAndPin' },
        { id: ID(4), type: 'recoveryPassword', escrow: 'escrowed', receiptStoredAt: AT },
      ],
    },
  ],
  rotations: [],
  results: [],
  ok: true,
}

const TROUBLED: StatusReport = {
  ...REPORT,
  clockOffsetSeconds: -7380,
  lastRound: {
    at: AT,
    checkedIn: false,
    problems: [
      {
        code: 'SERVER_UNREACHABLE',
        message: 'The service at https://keydesk.example cannot be reached (ECONNREFUSED).',
      },
    ],
  },
  volumes: [
    {
      volumeId: ID(2),
      volumeType: 'operatingSystem',
      mountPoint: 'C:',
      status: 'fullyEncrypted',
      protection: 'off',
      lock: 'unlocked',
      encryptionMethod: 'xts-aes-256',
      protectors: [
        { id: ID(3), type: 'clearKey' },
        { id: ID(4), type: 'recoveryPassword', escrow: 'disputed' },
        { id: ID(5), type: 'recoveryPassword', escrow: 'notEscrowed' },
      ],
    },
    {
      volumeId: ID(6),
      volumeType: 'fixed',
      mountPoint: 'D:',
      status: 'unknown',
      protection: 'unknown',
      lock: 'locked',
      protectors: [{ id: ID(7), type: 'recoveryPassword', escrow: 'unknown' }],
    },
    {
      volumeId: ID(8),
      volumeType: 'removable',
      status: 'unknown',
      protection: 'unknown',
      lock: 'locked',
      protectors: null,
    },
    {
      volumeId: ID(9),
      volumeType: 'fixed',
      mountPoint: 'E:',
      status: 'fullyDecrypted',
      protection: 'off',
      lock: 'unlocked',
      protectors: [],
    },
  ],
  rotations: [
    {
      actionId: ID(1),
      volumeId: ID(2),
      protectorId: ID(4),
      knownProtectorIds: [],
      startedAt: AT,
    },
  ],
  ok: false,
}

test('a PC that is in order', async () => {
  await expect(renderStatus(REPORT)).toMatchFileSnapshot('golden/status-in-order.txt')
})

test('a PC that is in trouble', async () => {
  await expect(renderStatus(TROUBLED)).toMatchFileSnapshot('golden/status-in-trouble.txt')
})

test('a PC that has not checked in yet', async () => {
  const fresh = { ...REPORT, policy: null, lastRound: null, volumes: [], ok: false }
  await expect(renderStatus(fresh)).toMatchFileSnapshot('golden/status-fresh.txt')
})
