/** Transparency-log formats. So far the tree hashes; proofs, tiles and checkpoints build on them. */
export { emptyRoot, HASH_BYTES, leafHash, nodeHash, rootHash } from './merkle-hash.ts'
