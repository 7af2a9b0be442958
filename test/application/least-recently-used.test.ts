import { expect, it } from 'vitest';
import { createLeastRecentlyUsed } from '../../src/application/commands/least-recently-used.ts';

it('drops the entry used longest ago when there are too many', () => {
  const cache = createLeastRecentlyUsed<number>(2);
  cache.set('a', 1);
  cache.set('b', 2);
  cache.get('a');
  cache.set('c', 3);
  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([1, undefined, 3]);
});

it('drops as many as it takes to stay below the weight, and keeps the newest whatever it weighs', () => {
  const weigh = (value: number): number => value;
  const cache = createLeastRecentlyUsed<number>(10, { maxWeight: 10, weigh });
  cache.set('a', 4);
  cache.set('b', 4);
  cache.set('a', 5); // weighed anew, not twice
  expect(cache.size).toBe(2);
  cache.set('c', 6);
  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([undefined, undefined, 6]);
  cache.set('d', 50);
  expect([cache.size, cache.get('d')]).toEqual([1, 50]);
  cache.delete('d');
  cache.set('e', 9);
  cache.set('f', 1);
  expect(cache.size).toBe(2);
});
