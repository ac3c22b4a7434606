/**
 * The hashes of a Merkle tree: RFC 6962 §2.1, unchanged in RFC 9162 §2.1.
 *
 *   empty tree   SHA-256()
 *   leaf         SHA-256(0x00 ‖ entry)
 *   node         SHA-256(0x01 ‖ left ‖ right)
 *
 * The prefixes keep a leaf from being passed off as a node. Runs in Node and in the browser.
 */
import { sha256 } from '@noble/hashes/sha2.js'

/** Length of every hash in the tree, in bytes. */
export const HASH_BYTES = 32

/** The root of a tree without entries. */
export const emptyRoot = (): Uint8Array => sha256(new Uint8Array(0))

/** The leaf hash of one entry, given as its canonical bytes. */
export function leafHash(entry: Uint8Array): Uint8Array {
  const preimage = new Uint8Array(1 + entry.length)
  preimage.set(entry, 1)
  return sha256(preimage)
}

/**
 * The hash of an inner node from its two children.
 * @throws RangeError when a child is not {@link HASH_BYTES} long.
 */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (left.length !== HASH_BYTES || right.length !== HASH_BYTES) {
    throw new RangeError(`a child of a node is a hash of ${HASH_BYTES} bytes`)
  }
  const preimage = new Uint8Array(1 + 2 * HASH_BYTES)
  preimage[0] = 1
  preimage.set(left, 1)
  preimage.set(right, 1 + HASH_BYTES)
  return sha256(preimage)
}

/** The root hash over leaf hashes in log order (RFC 6962 §2.1, MTH). */
export function rootHash(leaves: readonly Uint8Array[]): Uint8Array {
  const [first] = leaves
  if (first === undefined) return emptyRoot()
  if (leaves.length === 1) return first
  // The left subtree takes the largest power of two that is smaller than the number of leaves.
  let split = 1
  while (split * 2 < leaves.length) split *= 2
  return nodeHash(rootHash(leaves.slice(0, split)), rootHash(leaves.slice(split)))
}
