import { randomBytes, randomFillSync } from 'node:crypto';
import type { IdSource } from '../../ports/id-source.ts';

/** Crockford's alphabet: no i, l, o, u, so that people can read ids aloud. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const ID_LENGTH = 26;

// One call to the system's generator serves 128 ids: a call of its own each was 4 % of a short workflow.
const pool = Buffer.alloc(ID_LENGTH * 128);
let used = pool.length;

/** Ids of 130 random bits, and random numbers, from the operating system's secure generator. */
export const randomIdSource: IdSource = {
  newId: () => {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    let id = '';
    // 32 letters divide 256 evenly: the low five bits of a random byte are uniform.
    for (const end = used + ID_LENGTH; used < end; used += 1)
      id += ALPHABET.charAt((pool[used] ?? 0) & 31);
    return id;
  },
  random: () => randomBytes(4).readUInt32BE() / 2 ** 32,
};
