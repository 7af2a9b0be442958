import { evolve } from '../../domain/evolve.ts';
import { isFinished } from '../../domain/lifecycle.ts';
import type { Plan } from '../../domain/plan.ts';
import {
  createRunState,
  readSnapshot,
  restoreState,
  type RunState,
  type Snapshot,
} from '../../domain/state.ts';
import { readEvent, UnreadableEventError } from '../../domain/upcast.ts';
import type { LoadedRun, RunKey, RunStore } from '../../ports/run-store.ts';
import { createLeastRecentlyUsed } from './least-recently-used.ts';
import type { PlanCache } from './plan-cache.ts';

/** Runs kept folded in memory; an idle run of three steps takes some 3 KB. */
const MAX_CACHED_RUNS = 4_096;
/** Serialised bytes of the cached runs together; folded they take some two to three times that. */
const MAX_CACHED_BYTES = 67_108_864;

/** A run as this process last saw it. */
export interface CachedRun {
  readonly plan: Plan;
  readonly state: RunState;
  /** Serialised bytes of the events since the last snapshot, and of that snapshot. */
  tailBytes: number;
  snapshotBytes: number;
}

export interface RunCache {
  /** The cached run, however old, else as the store has it; `undefined`: no such run. */
  get(key: RunKey): Promise<CachedRun | undefined>;
  /** The cached run, if there is one; reads nothing. */
  peek(key: RunKey): CachedRun | undefined;
  /** The run as the store has it now; reads only what the cache lacks. */
  refresh(key: RunKey): Promise<CachedRun | undefined>;
  put(key: RunKey, run: CachedRun): void;
  evict(key: RunKey): void;
  /** Forgets every run: the store may hold another history than was read. What is being read meanwhile is read again. */
  clear(): void;
  /** Grows with every `clear`: what was read at an earlier one must not be continued. */
  readonly epoch: number;
}

export function createRunCache(store: RunStore, plans: PlanCache): RunCache {
  const runs = createLeastRecentlyUsed<CachedRun>(MAX_CACHED_RUNS, {
    maxWeight: MAX_CACHED_BYTES,
    weigh: ({ tailBytes, snapshotBytes }) => tailBytes + snapshotBytes,
  });
  let epoch = 0;
  const put = (key: RunKey, run: CachedRun): void => {
    // A finished run is read rarely and may be large: the store answers for it.
    if (isFinished(run.state.run.status)) runs.delete(nameOf(key));
    else runs.set(nameOf(key), run);
  };
  const load = async (key: RunKey): Promise<CachedRun | undefined> => {
    const loaded = await store.load(key);
    return loaded && fold(plans, key, loaded);
  };
  const refresh = async (key: RunKey): Promise<CachedRun | undefined> => {
    const begunAt = epoch;
    const known = runs.get(nameOf(key));
    const isCurrent = known !== undefined && (await catchUp(store, key, known));
    const run = isCurrent ? known : await load(key);
    if (begunAt !== epoch) return refresh(key);
    if (run === undefined) runs.delete(nameOf(key));
    else put(key, run);
    return run;
  };
  return {
    peek: (key) => runs.get(nameOf(key)),
    get: async (key) => runs.get(nameOf(key)) ?? refresh(key),
    refresh,
    put,
    evict: (key) => runs.delete(nameOf(key)),
    clear: () => {
      epoch += 1;
      runs.clear();
    },
    get epoch() {
      return epoch;
    },
  };
}

/** False when the store no longer continues what was cached (it was rolled back): fold anew. */
async function catchUp(store: RunStore, key: RunKey, run: CachedRun): Promise<boolean> {
  const knownVersion = run.state.run.version;
  const loaded = await store.load(key, knownVersion);
  if (loaded === undefined || loaded.snapshot !== undefined) return false;
  if (knownVersion + loaded.tail.length !== loaded.version) return false;
  // Others may have caught the same run up while this load was under way.
  foldTail(run, loaded.tail.slice(run.state.run.version - knownVersion));
  return true;
}

async function fold(plans: PlanCache, key: RunKey, loaded: LoadedRun): Promise<CachedRun> {
  const snapshot = loaded.snapshot && snapshotIn(loaded.snapshot.data);
  if (loaded.snapshot && !snapshot)
    throw new UnreadableEventError('its snapshot is of another format; update Baton');
  const hash = snapshot?.run.definitionHash ?? definitionHashOf(key, loaded.tail[0]);
  const plan = await plans.get(key.tenant, hash);
  const run: CachedRun = {
    plan,
    state: snapshot ? restoreState(plan, snapshot) : createRunState(plan),
    tailBytes: 0,
    snapshotBytes: loaded.snapshot?.data.length ?? 0,
  };
  foldTail(run, loaded.tail);
  return run;
}

function snapshotIn(text: string): Snapshot | undefined {
  try {
    return readSnapshot(text);
  } catch (error) {
    if (error instanceof RangeError)
      throw new UnreadableEventError('its snapshot is nested too deeply');
    throw error;
  }
}

function foldTail(run: CachedRun, tail: readonly string[]): void {
  for (const text of tail) {
    const event = readEvent(text);
    evolve(run.plan, run.state, event.body, event.occurredAtMs);
    run.tailBytes += text.length;
  }
}

function definitionHashOf(key: RunKey, first: string | undefined): string {
  const body = first === undefined ? undefined : readEvent(first).body;
  if (body?.type !== 'WorkflowStarted')
    throw new UnreadableEventError(
      `history of run ${key.runId} does not begin with WorkflowStarted`,
    );
  return body.definitionHash;
}

function nameOf(key: RunKey): string {
  return `${key.tenant}/${key.runId}`;
}
