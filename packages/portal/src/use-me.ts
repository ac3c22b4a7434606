/** Who is signed in in this browser, by `/api/v1/me`. */
import type { Me } from '@keydesk/contract'
import { useEffect, useState } from 'react'

async function fetchMe(signal: AbortSignal): Promise<Me | 'nobody'> {
  const response = await fetch('/api/v1/me', { signal })
  return response.ok ? ((await response.json()) as Me) : 'nobody'
}

/** `undefined` while it is asked; `nobody` also where the service does not answer. */
export function useMe(): Me | 'nobody' | undefined {
  const [me, setMe] = useState<Me | 'nobody'>()
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    const ask = async (): Promise<void> => {
      const answer = await fetchMe(signal).catch((): 'nobody' => 'nobody')
      if (!signal.aborted) setMe(answer)
    }
    void ask()
    return () => {
      controller.abort()
    }
  }, [])
  return me
}
