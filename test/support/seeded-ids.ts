import type { IdSource } from '../../src/ports/id-source.ts';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const ID_LENGTH = 26;

/** The same seed gives the same ids and numbers in the same order (mulberry32). */
export function createSeededIds(seed: number): IdSource {
  let state = seed >>> 0;

  const random = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };

  return {
    random,
    newId: () => {
      let id = '';
      while (id.length < ID_LENGTH) id += ALPHABET.charAt(Math.floor(random() * ALPHABET.length));
      return id;
    },
  };
}
