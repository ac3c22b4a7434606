/** What the volume tools and the file system throw, in the words of the provider interface. */
import { VolumeError } from '@keydesk/bitlocker/volume'
import type { VolumeErrorCode } from '@keydesk/bitlocker/volume'
import { reasonOf } from '../errors.ts'
import { ProviderError } from '../volume-provider.ts'
import type { ProviderErrorCode } from '../volume-provider.ts'

/** Whatever is not here has no cure that the agent knows: DEVICE_FAILED. */
const CODES: Partial<Record<VolumeErrorCode, ProviderErrorCode>> = {
  VOLUME_VISTA: 'NOT_SUPPORTED',
  VOLUME_STATE: 'NOT_SUPPORTED',
  VOLUME_SUSPENDED: 'NOT_SUPPORTED',
  VOLUME_METADATA_FULL: 'METADATA_FULL',
  PROTECTOR_KEPT: 'LAST_PROTECTOR',
  PROTECTOR_NOT_FOUND: 'PROTECTOR_NOT_FOUND',
}

/** Run `work`; whatever it throws becomes a ProviderError about `name` (a drive letter or GUID). */
export async function asProviderErrors<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ProviderError) throw error
    const code = error instanceof VolumeError ? CODES[error.code] : undefined
    throw new ProviderError(code ?? 'DEVICE_FAILED', `${name} ${reasonOf(error)}`, {
      cause: error,
    })
  }
}
