import { createSeededIds } from '../support/seeded-ids.ts';

/** Draws from one seed: the same seed and the same calls give the same values. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Whole, both ends included. */
  int(min: number, max: number): number;
  chance(probability: number): boolean;
  pick<Item>(list: readonly [Item, ...Item[]]): Item;
  /** Items in random order, each kept with the probability. */
  sample<Item>(list: readonly Item[], probability: number): Item[];
  /** A source of its own, so that what it serves does not shift what others draw. */
  fork(): Random;
  /** A seed for somebody else's generator. */
  seed(): number;
}

export function createRandom(seed: number): Random {
  const source = createSeededIds(seed);
  const next = (): number => source.random();
  const int = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  const nextSeed = (): number => Math.floor(next() * 2 ** 32);
  return {
    next,
    int,
    chance: (probability) => next() < probability,
    pick: (list) => list[int(0, list.length - 1)] ?? list[0],
    sample: (list, probability) => shuffle(list, int).filter(() => next() < probability),
    fork: () => createRandom(nextSeed()),
    seed: nextSeed,
  };
}

function shuffle<Item>(list: readonly Item[], int: Random['int']): Item[] {
  const left = [...list];
  return list.flatMap(() => left.splice(int(0, left.length - 1), 1));
}
