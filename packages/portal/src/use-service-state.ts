/** Asks `/readyz` whether the service can answer, again every ten seconds while it cannot. */
import { useEffect, useState } from 'react'

export type ServiceState = 'asking' | 'ready' | 'notReady'

const ASK_AGAIN_MS = 10_000

export function useServiceState(): ServiceState {
  const [state, setState] = useState<ServiceState>('asking')
  useEffect(() => {
    const controller = new AbortController()
    let timer: number | undefined
    const ask = async (): Promise<void> => {
      const isReady = await fetch('/readyz', { signal: controller.signal }).then(
        (response) => response.ok,
        () => false,
      )
      if (controller.signal.aborted) return
      setState(isReady ? 'ready' : 'notReady')
      if (!isReady) timer = window.setTimeout(() => void ask(), ASK_AGAIN_MS)
    }
    void ask()
    return () => {
      controller.abort()
      window.clearTimeout(timer)
    }
  }, [])
  return state
}
