/** Edges from each node to the nodes that need it, in compressed rows (two flat arrays, no object a node). */
export interface Adjacency {
  /** Targets of node n are `targets[offsets[n]] … targets[offsets[n + 1] - 1]`, ascending. */
  readonly offsets: Int32Array;
  readonly targets: Int32Array;
}

export type Graph =
  | {
      readonly ok: true;
      /** Every node after all it needs, levels ascending. */
      readonly order: Int32Array;
      /** Longest distance from a node without needs. */
      readonly levels: Int32Array;
      readonly dependents: Adjacency;
    }
  /** Each node needs the next one, the last needs the first. */
  | { readonly ok: false; readonly cycle: number[] };

/**
 * Order, levels and dependents of a graph given by what each node needs (valid indexes), in time and space linear in
 * nodes plus edges (Kahn 1962). Tells one cycle where there is any.
 */
export function buildGraph(needs: readonly (readonly number[])[]): Graph {
  const dependents = invert(needs);
  const { order, levels } = sort(needs, dependents);
  return order.length === needs.length
    ? { ok: true, order, levels, dependents }
    : { ok: false, cycle: findCycle(needs, order) };
}

export function dependentsOf(adjacency: Adjacency, node: number): readonly number[] {
  const start = at(adjacency.offsets, node);
  const end = at(adjacency.offsets, node + 1);
  if (start === end) return NONE;
  const dependents: number[] = [];
  for (let edge = start; edge < end; edge++) {
    dependents.push(at(adjacency.targets, edge));
  }
  return dependents;
}

const NONE: readonly number[] = [];

function invert(needs: readonly (readonly number[])[]): Adjacency {
  const offsets = new Int32Array(needs.length + 1);
  for (const list of needs) for (const need of list) add(offsets, need + 1, 1);
  for (let node = 0; node < needs.length; node++) add(offsets, node + 1, at(offsets, node));
  const targets = new Int32Array(at(offsets, needs.length));
  const next = offsets.slice();
  needs.forEach((list, node) => {
    for (const need of list) {
      targets[at(next, need)] = node;
      add(next, need, 1);
    }
  });
  return { offsets, targets };
}

function sort(
  needs: readonly (readonly number[])[],
  { offsets, targets }: Adjacency,
): { order: Int32Array; levels: Int32Array } {
  const waitingFor = Int32Array.from(needs, (list) => list.length);
  const levels = new Int32Array(needs.length);
  const order = new Int32Array(needs.length);
  let length = 0;
  waitingFor.forEach((count, node) => {
    if (count === 0) order[length++] = node;
  });
  for (let head = 0; head < length; head++) {
    const node = at(order, head);
    for (let edge = at(offsets, node); edge < at(offsets, node + 1); edge++) {
      const target = at(targets, edge);
      levels[target] = Math.max(at(levels, target), at(levels, node) + 1);
      add(waitingFor, target, -1);
      if (at(waitingFor, target) === 0) order[length++] = target;
    }
  }
  return { order: order.subarray(0, length), levels };
}

// A node that could not be ordered needs another such node: walking along them must come back.
function findCycle(needs: readonly (readonly number[])[], ordered: Int32Array): number[] {
  const isOrdered = new Uint8Array(needs.length);
  for (const node of ordered) isOrdered[node] = 1;
  const seenAt = new Map<number, number>();
  const walk: number[] = [];
  let node = isOrdered.indexOf(0);
  while (!seenAt.has(node)) {
    seenAt.set(node, walk.length);
    walk.push(node);
    node = needs[node]?.find((need) => isOrdered[need] === 0) ?? node;
  }
  return walk.slice(seenAt.get(node));
}

// Typed arrays answer `undefined` only outside their bounds, which these loops never leave.
function at(array: Int32Array, index: number): number {
  return array[index] ?? 0;
}

function add(array: Int32Array, index: number, amount: number): void {
  array[index] = at(array, index) + amount;
}
