import { describe, expect, test } from 'vitest'

import { readVolume } from './read-volume.ts'
import { MemoryStorage } from './testing/memory-storage.ts'
import {
  haveWindowsVolumes,
  loadWindowsVolume,
  WINDOWS_VOLUMES,
} from './testing/windows-volumes.ts'

describe.skipIf(!haveWindowsVolumes)('readVolume on what Windows wrote', () => {
  test.each(WINDOWS_VOLUMES)('$name', async (expected) => {
    const volume = await readVolume(new MemoryStorage(loadWindowsVolume(expected.name)))
    expect(volume.volumeId).toBe(expected.volumeId)
    expect(volume.encryptionMethod).toBe(expected.method)
    expect(volume.sectorSize).toBe(expected.sectorSize)
    expect(volume.size).toBe(expected.size)
    expect(volume.description).toBe(expected.description)
    expect(volume.createdAt.toISOString().slice(0, 19)).toBe(expected.createdAt.slice(0, 19))
    expect(volume.metadata).toEqual(expected.offsets.map((offset) => ({ offset, valid: true })))
    expect(volume.protectors.map(({ type, id }) => [type, id])).toEqual(expected.protectors)
    expect(volume.state).toBe(
      expected.frozen === 'encryptOnWrite' ? 'encryptionInProgress' : 'fullyEncrypted',
    )
  })
})
