export interface LeastRecentlyUsed<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  delete(key: string): void;
  clear(): void;
  readonly size: number;
}

/**
 * Keeps the entries used last: at most `capacity` of them, and of a total weight of at most `maxWeight` (the newest is
 * kept whatever it weighs). A Map remembers insertion order, which is all it needs.
 */
export function createLeastRecentlyUsed<Value>(
  capacity: number,
  { maxWeight, weigh }: { readonly maxWeight: number; readonly weigh: (value: Value) => number } = {
    maxWeight: Infinity,
    weigh: () => 0,
  },
): LeastRecentlyUsed<Value> {
  const entries = new Map<string, { readonly value: Value; readonly weight: number }>();
  let total = 0;
  const remove = (key: string): void => {
    total -= entries.get(key)?.weight ?? 0;
    entries.delete(key);
  };
  const evict = (): void => {
    for (const oldest of entries.keys()) {
      const isTooMuch = entries.size > capacity || total > maxWeight;
      if (!isTooMuch || entries.size === 1) return;
      remove(oldest);
    }
  };
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      entries.set(key, entry);
      return entry.value;
    },
    set(key, value) {
      remove(key);
      const weight = weigh(value);
      total += weight;
      entries.set(key, { value, weight });
      evict();
    },
    delete: remove,
    clear() {
      entries.clear();
      total = 0;
    },
    get size() {
      return entries.size;
    },
  };
}
