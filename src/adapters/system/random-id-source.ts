import { randomBytes } from 'node:crypto';
import type { IdSource } from '../../ports/id-source.ts';

/** Crockford's alphabet: no i, l, o, u, so that people can read ids aloud. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const ID_LENGTH = 26;

/** Ids of 130 random bits, and random numbers, from the operating system's secure generator. */
export const randomIdSource: IdSource = {
  newId: () => {
    let id = '';
    // 32 letters divide 256 evenly: the low five bits of a random byte are uniform.
    for (const byte of randomBytes(ID_LENGTH)) id += ALPHABET.charAt(byte & 31);
    return id;
  },
  random: () => randomBytes(4).readUInt32BE() / 2 ** 32,
};
