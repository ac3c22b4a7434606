/** Goal: everybody gets their own answer, whatever happens to the others. */

import { describe, expect, test } from 'vitest'
import { Coalescer } from './coalescer.ts'

function doubling(options: { sizeMax?: number; batchesMax?: number; retriesAlone?: boolean } = {}) {
  const batches: number[][] = []
  const coalescer = new Coalescer<number, number>({
    run: async (items) => {
      batches.push([...items])
      await new Promise((resolve) => setTimeout(resolve, 5))
      if (items.includes(13)) throw new Error('unlucky')
      return items.map((item) => item * 2)
    },
    batchSizeMax: options.sizeMax ?? 100,
    batchesMax: options.batchesMax ?? 1,
    retriesAlone: options.retriesAlone ?? false,
  })
  return { coalescer, batches }
}

const range = (length: number): number[] => Array.from({ length }, (_, index) => index)

describe('a coalescer', () => {
  test('answers everyone in their own words', async () => {
    const { coalescer, batches } = doubling()
    const items = range(50).map((item) => item + 100)
    const answers = await Promise.all(items.map((item) => coalescer.submit(item)))
    expect(answers).toEqual(items.map((item) => item * 2))
    expect(batches).toHaveLength(1)
  })

  test('runs a lone item at once and gathers the others meanwhile', async () => {
    const { coalescer, batches } = doubling()
    const first = coalescer.submit(1)
    await new Promise((resolve) => setTimeout(resolve, 1))
    const others = [2, 3, 4].map((item) => coalescer.submit(item))
    expect(await Promise.all([first, ...others])).toEqual([2, 4, 6, 8])
    expect(batches).toEqual([[1], [2, 3, 4]])
  })

  test('keeps to the size of a batch and to the number of batches', async () => {
    const { coalescer, batches } = doubling({ sizeMax: 3, batchesMax: 2 })
    await Promise.all(range(10).map((item) => coalescer.submit(item)))
    expect(batches.map(({ length }) => length)).toEqual([3, 3, 3, 1])
  })

  test('fails the whole batch with its error', async () => {
    const { coalescer } = doubling()
    const results = await Promise.allSettled([1, 13].map((item) => coalescer.submit(item)))
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })

  test('lets a bad item fail alone if told so', async () => {
    const { coalescer } = doubling({ retriesAlone: true })
    const results = await Promise.allSettled([1, 13, 2].map((item) => coalescer.submit(item)))
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })

  test('goes on after a failure', async () => {
    const { coalescer } = doubling()
    await expect(coalescer.submit(13)).rejects.toThrow('unlucky')
    expect(await coalescer.submit(4)).toBe(8)
  })

  test('a run that answers too little is an error, never silence', async () => {
    const coalescer = new Coalescer<number, number>({
      run: async () => [],
      batchSizeMax: 10,
      batchesMax: 1,
      retriesAlone: false,
    })
    await expect(coalescer.submit(1)).rejects.toThrow('too few answers')
  })
})
