import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildGraph, dependentsOf } from '../../src/domain/graph.ts';
import { Reachability } from '../../src/domain/reachability.ts';

type Needs = readonly (readonly number[])[];

/** What each node needs: any graph, cycles and self-loops included. */
const anyNeeds: fc.Arbitrary<Needs> = fc.integer({ min: 1, max: 14 }).chain((size) =>
  fc.array(fc.uniqueArray(fc.nat(size - 1), { maxLength: 4 }), {
    minLength: size,
    maxLength: size,
  }),
);

/** A graph without cycles, its nodes in an order of its own. */
const acyclicNeeds: fc.Arbitrary<Needs> = anyNeeds.chain((needs) => {
  const size = needs.length;
  const nodes = Array.from({ length: size }, (_, node) => node);
  return fc.shuffledSubarray(nodes, { minLength: size }).map((names) => {
    const renamed: number[][] = nodes.map(() => []);
    needs.forEach((list, node) => {
      renamed[names[node] ?? 0] = list
        .filter((need) => need < node)
        .map((need) => names[need] ?? 0);
    });
    return renamed;
  });
});

/** The plain definition of "comes after", to compare with. */
function ancestors(needs: Needs, node: number, seen = new Set<number>()): Set<number> {
  for (const need of needs[node] ?? []) {
    if (seen.has(need)) continue;
    seen.add(need);
    ancestors(needs, need, seen);
  }
  return seen;
}

function longestPath(needs: Needs, node: number): number {
  return Math.max(0, ...(needs[node] ?? []).map((need) => 1 + longestPath(needs, need)));
}

describe('a graph', () => {
  test('puts every node after what it needs, levels ascending', () => {
    fc.assert(
      fc.property(acyclicNeeds, (needs) => {
        const graph = buildGraph(needs);
        if (!graph.ok) return false;
        const order = Array.from(graph.order);
        const place = new Map(order.map((node, at) => [node, at]));
        expect(order.toSorted((a, b) => a - b)).toEqual(needs.map((_, node) => node));
        needs.forEach((list, node) => {
          for (const need of list) expect(place.get(need)).toBeLessThan(place.get(node) ?? -1);
        });
        const levels = order.map((node) => graph.levels[node] ?? -1);
        expect(levels).toEqual(levels.toSorted((a, b) => a - b));
        return true;
      }),
    );
  });

  test('gives each node the length of its longest path as level', () => {
    fc.assert(
      fc.property(acyclicNeeds, (needs) => {
        const graph = buildGraph(needs);
        expect(graph.ok && Array.from(graph.levels)).toEqual(
          needs.map((_, node) => longestPath(needs, node)),
        );
      }),
    );
  });

  test('knows who needs a node', () => {
    fc.assert(
      fc.property(acyclicNeeds, (needs) => {
        const graph = buildGraph(needs);
        needs.forEach((_, node) => {
          const expected = needs.flatMap((list, other) => (list.includes(node) ? [other] : []));
          expect(graph.ok && dependentsOf(graph.dependents, node)).toEqual(expected);
        });
      }),
    );
  });

  test('finds a cycle exactly when there is one, and names a real one', () => {
    fc.assert(
      fc.property(anyNeeds, (needs) => {
        const hasCycle = needs.some((_, node) => ancestors(needs, node).has(node));
        const graph = buildGraph(needs);
        expect(graph.ok).toBe(!hasCycle);
        if (graph.ok) return;
        expect(new Set(graph.cycle).size).toBe(graph.cycle.length);
        graph.cycle.forEach((node, at) => {
          expect(needs[node]).toContain(graph.cycle[(at + 1) % graph.cycle.length]);
        });
      }),
    );
  });

  test('takes a chain of 100,000 nodes without running out of stack', () => {
    const needs = Array.from({ length: 100_000 }, (_, node) => (node === 0 ? [] : [node - 1]));
    const graph = buildGraph(needs);
    expect(graph.ok && graph.levels[99_999]).toBe(99_999);
    const closed = [[99_999], ...needs.slice(1)];
    const cyclic = buildGraph(closed);
    expect(!cyclic.ok && cyclic.cycle.length).toBe(100_000);
  });
});

describe('reachability', () => {
  test('is what following the needs step by step finds, asked in any order and repeatedly', () => {
    fc.assert(
      fc.property(
        acyclicNeeds,
        fc.array(fc.tuple(fc.nat(13), fc.nat(13)), { maxLength: 40 }),
        (needs, questions) => {
          const graph = buildGraph(needs);
          if (!graph.ok) return false;
          const reachability = new Reachability(needs, graph.levels);
          for (const [node, target] of questions) {
            if (node >= needs.length || target >= needs.length || node === target) continue;
            expect(reachability.isAfter(node, target)).toBe(ancestors(needs, node).has(target));
          }
          return true;
        },
      ),
    );
  });
});
