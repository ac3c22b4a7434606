/** Makes a new, renamed or removed name durable. */
import { open } from 'node:fs/promises'

/** Windows has no such call; its file systems order names by themselves. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
