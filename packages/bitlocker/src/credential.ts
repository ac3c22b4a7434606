/** What unlocks a volume. All of it is secret and belongs to the caller, who wipes it. */
import type { StartupKey } from './startup-key.ts'

export type Credential =
  | { readonly type: 'recoveryPassword'; /** 16 bytes. */ readonly recoveryKey: Uint8Array }
  | { readonly type: 'startupKey'; readonly startupKey: StartupKey }
  | { readonly type: 'password'; readonly password: string }

/** For whatever costs a stretch (about 0.4 s each, on a thread of its own). */
export interface WorkOptions {
  /** Aborting rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Called with 0 < fraction <= 1 of the current stretch. */
  readonly onProgress?: ((fraction: number) => void) | undefined
}
