export interface LeastRecentlyUsed<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  delete(key: string): void;
  clear(): void;
  readonly size: number;
}

interface Entry<Value> {
  value: Value;
  weight: number;
  /** Since it was last looked at for eviction. */
  isUsed: boolean;
}

/**
 * Keeps the entries used last, about: at most `capacity` of them, and of a total weight of at most `maxWeight` (the newest
 * is kept whatever it weighs). Who was used since the last look gets a second chance (Corbató's clock, 1968): moving an
 * entry in its Map at every use cost the engine a fortieth of its time.
 */
export function createLeastRecentlyUsed<Value>(
  capacity: number,
  { maxWeight, weigh }: { readonly maxWeight: number; readonly weigh: (value: Value) => number } = {
    maxWeight: Infinity,
    weigh: () => 0,
  },
): LeastRecentlyUsed<Value> {
  const entries = new Map<string, Entry<Value>>();
  let total = 0;
  const remove = (key: string): void => {
    total -= entries.get(key)?.weight ?? 0;
    entries.delete(key);
  };
  /** Entries that are put back come again, at the end. */
  const evictFor = (newest: string): void => {
    for (const [oldest, entry] of entries) {
      const isTooMuch = entries.size > capacity || total > maxWeight;
      if (!isTooMuch || entries.size === 1) return;
      if (!entry.isUsed && oldest !== newest) {
        remove(oldest);
        continue;
      }
      entry.isUsed = false;
      entries.delete(oldest);
      entries.set(oldest, entry);
    }
  };
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entry.isUsed = true;
      return entry.value;
    },
    set(key, value) {
      const weight = weigh(value);
      const known = entries.get(key);
      total += weight - (known?.weight ?? 0);
      if (known === undefined) entries.set(key, { value, weight, isUsed: false });
      else {
        known.value = value;
        known.weight = weight;
        known.isUsed = true;
      }
      if (entries.size > capacity || total > maxWeight) evictFor(key);
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
