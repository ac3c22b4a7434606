/** Transparency-log formats: so far the tree hashes, which proofs and tiles build on. */
export { emptyRoot, HASH_BYTES, leafHash, nodeHash, rootHash } from './merkle-hash.ts'
