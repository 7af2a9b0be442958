import { describe, expect, it } from 'vitest';
import { TenantTurns, type Candidate } from '../../../src/adapters/redis/tenant-turns.ts';
import { placeOf } from '../../../src/ports/task-place.ts';

function candidates(tenant: string, shard: number, ...ages: number[]): Candidate[] {
  return ages.map((age) => ({ tenant, shard, age }));
}

const agesOf = (chosen: readonly Candidate[]) => chosen.map(({ age }) => age);

describe('turns of tenants over several shards', () => {
  it('of one tenant are the order of age', () => {
    const found = [...candidates('a', 0, 1, 4, 5), ...candidates('a', 1, 2, 3)];
    expect(agesOf(new TenantTurns().next(found, 4))).toEqual([1, 2, 3, 4]);
  });

  it('alternate, however old the one and however young the other', () => {
    const found = [...candidates('a', 0, 1, 2, 3, 4), ...candidates('b', 1, 100, 101)];
    expect(agesOf(new TenantTurns().next(found, 5))).toEqual([1, 100, 2, 101, 3]);
  });

  it('go on where they ended, whatever was chosen but not got', () => {
    const turns = new TenantTurns();
    const found = [
      ...candidates('a', 0, 1, 2),
      ...candidates('b', 1, 100),
      ...candidates('c', 1, 9),
    ];
    expect(agesOf(turns.next(found, 1))).toEqual([1]);
    turns.served(['a']);
    expect(agesOf(turns.next(found, 1))).toEqual([9]);
    expect(agesOf(turns.next(found, 1))).toEqual([9]);
    turns.served(['c']);
    expect(agesOf(turns.next(found, 2))).toEqual([100, 1]);
  });

  it('do not pass a higher priority', () => {
    const high = [placeOf(7, 'high'), placeOf(8, 'high')];
    const found = [...candidates('a', 0, ...high, 1), ...candidates('b', 1, 2, placeOf(1, 'low'))];
    expect(agesOf(new TenantTurns().next(found, 9))).toEqual([...high, 2, 1, placeOf(1, 'low')]);
  });

  it('are forgotten when there were very many tenants, the oldest first', () => {
    const turns = new TenantTurns();
    turns.served(['old', ...Array.from({ length: 1_000 }, (_, at) => `t${at}`)]);
    const found = [...candidates('t999', 0, 1), ...candidates('old', 1, 2)];
    expect(agesOf(turns.next(found, 1))).toEqual([2]);
  });
});
