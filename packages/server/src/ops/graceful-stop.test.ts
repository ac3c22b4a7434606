import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { GracefulStop, untilCutOff } from './graceful-stop.ts'
import { createLog } from './log.ts'

function createStop(graceSeconds = 5): {
  stop: GracefulStop
  codes: number[]
  signals: EventEmitter
} {
  const codes: number[] = []
  const signals = new EventEmitter()
  const stop = new GracefulStop({
    log: createLog({ level: 'silent', format: 'json' }),
    graceSeconds,
    exit: (code) => codes.push(code),
  })
  stop.listen(signals as NodeJS.Process)
  return { stop, codes, signals }
}

test('a signal runs the steps, last opened first, and exits with 0', async () => {
  const { stop, codes, signals } = createStop()
  const order: string[] = []
  stop.add('database', async () => void order.push('database'))
  stop.add('HTTP', async () => {
    await sleep(10)
    order.push('HTTP')
  })
  signals.emit('SIGTERM')
  expect(stop.isStopping).toBe(true)
  await stop.stop(0)
  expect(order).toEqual(['HTTP', 'database'])
  expect(codes).toEqual([0])
})

test('a step that fails does not keep the others from running; the exit code is 1', async () => {
  const { stop, codes } = createStop()
  const order: string[] = []
  stop.add('database', async () => void order.push('database'))
  stop.add('HTTP', () => Promise.reject(new Error('no')))
  await stop.stop(0)
  expect(order).toEqual(['database'])
  expect(codes).toEqual([1])
})

test('a second signal exits at once, but not an echo of the first', async () => {
  const { stop, codes, signals } = createStop()
  let finish = (): void => undefined
  stop.add('HTTP', () => new Promise((settle) => (finish = settle)))
  signals.emit('SIGINT')
  // The echo of the first one, which a parent such as npm passes on.
  signals.emit('SIGINT')
  await sleep(1050)
  expect(codes).toEqual([])
  signals.emit('SIGINT')
  expect(codes).toEqual([1])
  finish()
  await stop.stop(0)
})

test('after the grace time, what is in flight is cut off and the exit code is 1', async () => {
  const { stop, codes, signals } = createStop(0.05)
  stop.add('HTTP', (cutOff) => untilCutOff(new Promise(() => undefined), cutOff))
  stop.add('mail', (cutOff) => untilCutOff(new Promise(() => undefined), cutOff))
  signals.emit('SIGTERM')
  await stop.stop(0)
  expect(codes).toEqual([1])
})

test('an error that nobody caught stops with 1', async () => {
  const { stop, codes, signals } = createStop()
  signals.emit('uncaughtException', new Error('bug'))
  await stop.stop(0)
  expect(codes).toEqual([1])
})
