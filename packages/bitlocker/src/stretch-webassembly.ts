/**
 * The part of the standard WebAssembly API that the stretch uses; Node's own types leave it to the
 * DOM's.
 */

export interface WebAssemblyApi {
  validate(code: Uint8Array): boolean
  /** May be sent to a thread. */
  Module: new (code: Uint8Array) => object
  Instance: new (module: object) => StretchInstance
}

/** An instance of stretch-module.ts. */
export interface StretchInstance {
  readonly exports: {
    readonly memory: { readonly buffer: ArrayBuffer }
    readonly run: (rounds: number) => void
  }
}

/** Undefined where Node runs with `--jitless`. */
export const webAssembly = (globalThis as { WebAssembly?: WebAssemblyApi }).WebAssembly
