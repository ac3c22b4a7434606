import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newState } from './agent-state.ts'
import { generateDeviceKey } from './device-key.ts'
import { AGENT_LIMITS } from './limits.ts'
import { decodeState, encodeState, StateFile, stateStorage } from './state-file.ts'
import type { StateStorage } from './state-file.ts'
import { MemoryStorage } from './testing/test-agent.ts'

const STATE = newState({
  server: 'https://keydesk.example',
  provider: { type: 'image', directory: 'pc' },
  deviceKey: generateDeviceKey(),
})

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keydesk-state-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const fresh = () => join(directory, `${crypto.randomUUID()}.state`)

describe('the state file', () => {
  test('comes back as it was written, readable by its owner only', async () => {
    const path = fresh()
    const file = await StateFile.create(stateStorage(path), STATE)
    await file.update((state) => ({ ...state, clockOffsetMs: 7 }))
    const again = await StateFile.open(stateStorage(path))
    expect(await again.current()).toEqual({ ...STATE, clockOffsetMs: 7 })
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(directory)).toEqual(expect.not.arrayContaining([`${path}.new`]))
  })

  test('cut short at any byte is an error that says so', () => {
    const bytes = encodeState(STATE)
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeState(bytes.subarray(0, length), 'agent.state')).toThrow(
        expect.objectContaining({ code: 'STATE_CORRUPT' }),
      )
    }
    expect(decodeState(bytes, 'agent.state')).toEqual(STATE)
  })

  test('with any one bit changed is an error', () => {
    const bytes = encodeState(STATE)
    for (let at = 0; at < bytes.length; at += 5) {
      const changed = bytes.slice()
      changed[at]! ^= 1 << (at % 8)
      expect(() => decodeState(changed, 'agent.state'), `byte ${at}`).toThrow(
        /is damaged|this agent reads version 1/,
      )
    }
  })

  test('a damaged one is never replaced: it holds the only key', async () => {
    const path = fresh()
    await writeFile(path, 'half a fi')
    await expect(StateFile.open(stateStorage(path))).rejects.toThrow('is damaged')
    await expect(StateFile.openIfThere(stateStorage(path))).rejects.toThrow('enrol again')
    expect(await readFile(path, 'utf8')).toBe('half a fi')
  })

  test('of a newer agent is refused by name of its version', () => {
    const text = new TextDecoder().decode(encodeState(STATE)).replace('state/1 ', 'state/2 ')
    const decode = () => decodeState(new TextEncoder().encode(text), 'agent.state')
    expect(decode).toThrow(expect.objectContaining({ code: 'STATE_VERSION' }))
    expect(decode).toThrow('version 2')
  })

  test('that is not there asks for an enrolment', async () => {
    const open = StateFile.open(stateStorage(fresh()))
    await expect(open).rejects.toMatchObject({ code: 'STATE_MISSING' })
    await expect(open).rejects.toThrow('keydesk-agent enroll')
  })

  test('that is no file of ours is refused by size before it is read', async () => {
    const path = fresh()
    await writeFile(path, new Uint8Array(AGENT_LIMITS.stateFileBytes + 1))
    await expect(StateFile.open(stateStorage(path))).rejects.toMatchObject({ code: 'STATE_READ' })
  })

  test('a leftover of a write that was cut off does not hinder the next one', async () => {
    const path = fresh()
    const file = await StateFile.create(stateStorage(path), STATE)
    await writeFile(`${path}.new`, 'torn')
    await file.update((state) => ({ ...state, clockOffsetMs: 1 }))
    expect((await (await StateFile.open(stateStorage(path))).current()).clockOffsetMs).toBe(1)
  })

  test.skipIf(process.getuid?.() === 0)('that cannot be written says so', async () => {
    const path = join(await mkdtemp(join(directory, 'readonly-')), 'agent.state')
    const file = await StateFile.create(stateStorage(path), STATE)
    await chmod(join(path, '..'), 0o500)
    await expect(file.update((state) => ({ ...state, clockOffsetMs: 1 }))).rejects.toMatchObject({
      code: 'STATE_WRITE',
    })
    await chmod(join(path, '..'), 0o700)
  })
})

describe('a write that fails', () => {
  async function broken(takesEffect: boolean): Promise<StateFile> {
    const memory = new MemoryStorage()
    const storage: StateStorage = {
      path: memory.path,
      read: () => memory.read(),
      write: async (bytes) => {
        if (takesEffect || memory.bytes === undefined) await memory.write(bytes)
        if (decodeState(bytes, '').clockOffsetMs === 1) throw new Error('no space left on device')
      },
    }
    return await StateFile.create(storage, STATE)
  }

  test.each([
    [false, 0],
    [true, 1],
  ])('leaves in memory what is on disk (it took effect: %s)', async (takesEffect, expected) => {
    const file = await broken(takesEffect)
    const update = file.update((state) => ({ ...state, clockOffsetMs: 1 }))
    await expect(update).rejects.toMatchObject({ code: 'STATE_WRITE' })
    expect((await file.current()).clockOffsetMs).toBe(expected)
  })
})
