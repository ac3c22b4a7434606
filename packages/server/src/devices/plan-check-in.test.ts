/** The rules of P4 without a database: what a report proves, and what it does not. */

import type { ActionReport, CheckInRequest, ReportedVolume } from '@keydesk/contract'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  isEmptyPlan,
  planCheckIn,
  type DeviceState,
  type KnownKey,
  type OpenRotation,
} from './plan-check-in.ts'

const NOW = new Date('2026-11-22T12:00:00Z')
const VOLUME = 'volume-1'
const OLD: KnownKey = {
  id: 1,
  volumeId: VOLUME,
  protectorId: 'old',
  state: 'active',
  proof: 'attested',
}
const NEW: KnownKey = { ...OLD, id: 2, protectorId: 'new' }
const ROTATION: OpenRotation = {
  id: 'rotation-1',
  keyId: 1,
  volumeId: VOLUME,
  protectorId: 'old',
  trigger: 'disclosure',
  state: 'delivered',
  attempt: 1,
  notBefore: '2026-11-22T11:00:00Z',
  detailCode: null,
}
const EXPOSURE = { id: 'exposure-1', keyId: 1, volumeId: VOLUME, protectorId: 'old' }
const STATE: DeviceState = { keys: [OLD, NEW], rotations: [ROTATION], exposures: [EXPOSURE] }

const list = (...ids: string[]): ReportedVolume => ({
  volumeId: VOLUME,
  volumeType: 'operatingSystem',
  status: 'fullyEncrypted',
  protection: 'on',
  protectors: ids.map((id) => ({ id, type: id === 'tpm' ? 'tpm' : 'recoveryPassword' })),
})
const report = (
  volumes: readonly ReportedVolume[],
  actions: readonly ActionReport[] = [],
): CheckInRequest => ({
  agentVersion: '1',
  device: { name: 'PC' },
  volumes: [...volumes],
  actions: [...actions],
})
const plan = (volumes: readonly ReportedVolume[], actions: readonly ActionReport[] = []) =>
  planCheckIn(STATE, report(volumes, actions), NOW)

describe('P4 Looked at, so replaced: an exposure closes', () => {
  test('when the protector is gone and another stored recovery password is on the same list', () => {
    const result = plan([list('tpm', 'new')])
    expect(result.close).toEqual([{ exposure: EXPOSURE, successor: NEW }])
    expect(result.supersede).toEqual([OLD])
    expect(result.rotationSteps).toMatchObject([{ state: 'done' }])
  })

  test.each([
    ['while the protector is still there', [list('old', 'new')]],
    ['while its successor is not stored', [list('tpm', 'unknown')]],
    ['when the volume is left with a TPM only', [list('tpm')]],
    ['when the list is empty', [list()]],
    ['when the list could not be read', [{ ...list(), protectors: null }]],
    ['when the volume is not in the report', []],
    ['by the list of another volume', [{ ...list('new'), volumeId: 'volume-2' }]],
  ])('not %s', (_, volumes) => {
    expect(plan(volumes).close).toEqual([])
    expect(plan(volumes).rotationSteps).toEqual([])
  })

  test('not by a stored key that is known not to open the volume', () => {
    const state = { ...STATE, keys: [OLD, { ...NEW, proof: 'mismatch' as const }] }
    expect(planCheckIn(state, report([list('new')]), NOW).close).toEqual([])
  })

  test('not by a protector of another kind with a stored ID', () => {
    const volume = { ...list(), protectors: [{ id: 'new', type: 'startupKey' as const }] }
    expect(plan([volume]).close).toEqual([])
  })

  test('not by the word of the device', () => {
    const result = plan([list('old', 'new')], [{ id: ROTATION.id, state: 'done' }])
    expect(result.close).toEqual([])
    expect(result.rotationSteps).toMatchObject([{ state: 'inProgress' }])
  })

  test('whatever the device says went wrong, if the disk shows it done', () => {
    const result = plan([list('new')], [{ id: ROTATION.id, state: 'failed' }])
    expect(result.rotationSteps).toMatchObject([{ state: 'done' }])
  })
})

describe('keys', () => {
  test('follow their protectors: gone, and back again', () => {
    expect(plan([list('new')]).supersede).toEqual([OLD])
    const gone = { ...OLD, state: 'superseded' as const }
    const back = planCheckIn({ ...STATE, keys: [gone, NEW] }, report([list('old', 'new')]), NOW)
    expect(back.reactivate).toEqual([gone])
  })

  test('are proven by entries only while they are attested', () => {
    const withEntry = (key: KnownKey) =>
      planCheckIn(
        { ...STATE, keys: [key] },
        report([
          { ...list(), protectors: [{ id: 'old', type: 'recoveryPassword', entry: 'AAAA' }] },
        ]),
        NOW,
      ).proofs
    expect(withEntry(OLD)).toEqual([{ keyId: 1, entry: new Uint8Array(3) }])
    for (const proof of ['pending', 'verified', 'mismatch'] as const) {
      expect(withEntry({ ...OLD, proof })).toEqual([])
    }
  })
})

describe('rotations', () => {
  const requested = { ...ROTATION, state: 'requested' as const }
  const still = report([list('old')])

  test('are delivered when they are due, not before', () => {
    const due = { ...STATE, rotations: [requested] }
    expect(planCheckIn(due, still, NOW).deliver).toEqual([requested])
    const early = planCheckIn(due, still, new Date('2026-11-22T10:59:59Z'))
    expect(early.deliver).toEqual([])
  })

  test('that nobody was told about cannot fail', () => {
    const failed = report([list('old')], [{ id: ROTATION.id, state: 'failed' }])
    const result = planCheckIn({ ...STATE, rotations: [requested] }, failed, NOW)
    expect(result.rotationSteps).toEqual([])
    expect(result.deliver).toEqual([requested])
  })

  test.each(['failed', 'notSupported'] as const)('end as %s with the cause', (state) => {
    const result = plan([list('old')], [{ id: ROTATION.id, state, detailCode: '0x8031002F' }])
    expect(result.rotationSteps).toMatchObject([{ state, detailCode: '0x8031002F' }])
  })

  test('in progress are news once', () => {
    const actions: ActionReport[] = [{ id: ROTATION.id, state: 'inProgress' }]
    expect(plan([list('old')], actions).rotationSteps).toHaveLength(1)
    const state = { ...STATE, rotations: [{ ...ROTATION, state: 'inProgress' as const }] }
    expect(planCheckIn(state, report([list('old')], actions), NOW).rotationSteps).toEqual([])
  })

  test('of other devices cannot be reported: their IDs are not in the state', () => {
    expect(plan([list('old')], [{ id: 'foreign', state: 'failed' }]).rotationSteps).toEqual([])
  })
})

test('the same report of what is stored changes nothing', () => {
  const calm = { keys: [OLD, NEW], rotations: [], exposures: [] }
  expect(isEmptyPlan(planCheckIn(calm, report([list('old', 'new', 'tpm')]), NOW))).toBe(true)
})

test('property: no exposure closes while its protector is reported or its volume unread', () => {
  const ids = fc.subarray(['old', 'new', 'tpm', 'x', 'y'])
  const volume = fc.option(fc.option(ids, { nil: null }), { nil: undefined })
  fc.assert(
    fc.property(volume, (protectors) => {
      const volumes =
        protectors === undefined
          ? []
          : [protectors === null ? { ...list(), protectors: null } : list(...protectors)]
      const closes = plan(volumes).close.length > 0
      const isProven = !!protectors && protectors.includes('new') && !protectors.includes('old')
      expect(closes).toBe(isProven)
    }),
  )
})
