import { VolumeError } from './volume-error.ts'
import type { VolumeStorage } from './volume-storage.ts'

/** An open image file or block device. */
export interface VolumeFile extends VolumeStorage, AsyncDisposable {
  close(): Promise<void>
}

export interface OpenVolumeFileOptions {
  /** `write` takes an exclusive lock and refuses a mounted or mapped volume. */
  readonly access: 'read' | 'write'
  /** First byte of the volume inside the file or device; 0 by default. */
  readonly offset?: number | undefined
  /** Bytes; by default to the end. */
  readonly size?: number | undefined
}

/** Opens an existing image file or block device. Throws VolumeError. */
export async function openVolumeFile(
  _path: string,
  _options: OpenVolumeFileOptions,
): Promise<VolumeFile> {
  throw new VolumeError('VOLUME_STATE', 'Not written yet')
}

/** Creates an image file that must not exist yet (mode 0600), opened for writing. Throws VolumeError. */
export async function createVolumeFile(_path: string, _size: number): Promise<VolumeFile> {
  throw new VolumeError('VOLUME_STATE', 'Not written yet')
}
