/**
 * Read a small file of which the size is bounded, so that a wrong path (a disk image, a device)
 * ends in an error and not in an exhausted memory.
 */
import { open } from 'node:fs/promises'

/**
 * Throws RangeError when the file is larger than `bytesMax`, and what the system says otherwise.
 */
export async function readBoundedFile(path: string, bytesMax: number): Promise<Uint8Array> {
  const file = await open(path, 'r')
  try {
    const buffer = new Uint8Array(bytesMax + 1)
    let length = 0
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length)
      if (bytesRead === 0) break
      length += bytesRead
    }
    if (length > bytesMax) throw new RangeError(`${path} is larger than ${bytesMax} bytes`)
    const content = buffer.slice(0, length)
    buffer.fill(0)
    return content
  } finally {
    await file.close()
  }
}
