/** Who is signed in in this browser, by `/api/v1/me`. */
import type { Me } from '@keydesk/contract'
import { useEffect, useState } from 'react'

/** `undefined` while it is asked; `nobody` also where the service does not answer. */
export function useMe(): Me | 'nobody' | undefined {
  const [me, setMe] = useState<Me | 'nobody'>()
  useEffect(() => {
    const controller = new AbortController()
    const ask = async (): Promise<Me | 'nobody'> => {
      const response = await fetch('/api/v1/me', { signal: controller.signal })
      return response.ok ? ((await response.json()) as Me) : 'nobody'
    }
    ask()
      .catch((): 'nobody' => 'nobody')
      .then((answer) => controller.signal.aborted || setMe(answer))
    return () => {
      controller.abort()
    }
  }, [])
  return me
}
