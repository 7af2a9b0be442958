import type {
  CommitCommand,
  CommitRequest,
  CommitResult,
  RunKey,
} from '../../src/ports/run-store.ts';
import type { Store } from '../../src/ports/store.ts';
import type { ClaimedTask, EngineWork } from '../../src/ports/work-source.ts';
import type { ManualClock } from '../support/manual-clock.ts';

/** One fresh, empty store for one test. */
export interface StoreFixture {
  readonly store: Store;
  readonly clock: ManualClock;
  /** The store as another process sees it. Closed with the fixture. */
  readonly another: () => Promise<Store>;
  readonly close: () => Promise<void>;
}

/** Gives the fixture of the running test. */
export type UseFixture = () => StoreFixture;

export const LEASE_MS = 10_000;

/** What each part of the fixture's feed keeps. */
export const FEED_ENTRIES = 100;

export function runKey(runId: string, tenant = 'acme'): RunKey {
  return { tenant, runId };
}

/** A serialised event that tells where it belongs. */
export function event(sequence: number, text = 'x'): string {
  return JSON.stringify({ sequence, text });
}

export function events(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, at) => event(from + at));
}

let commands = 0;

/** A command with an id of its own. */
export function command(changes: Partial<CommitCommand> = {}): CommitCommand {
  commands += 1;
  return { id: `command-${commands}`, answer: { ok: commands }, ...changes };
}

/** A request that writes one event after `expectedVersion`, changed as told. */
export function request(
  key: RunKey,
  expectedVersion: number,
  changes: Partial<CommitRequest> = {},
): CommitRequest {
  return {
    key,
    expectedVersion,
    commands: [command()],
    events: [event(expectedVersion + 1)],
    enqueue: [],
    recall: [],
    timers: [],
    cancelTimers: [],
    messages: [],
    ...changes,
  };
}

export function task(slot: string, changes: { attempt?: number; queue?: string } = {}) {
  return { slot, attempt: 1, queue: 'q', ...changes };
}

/** Commits what must succeed and answers the lease of the first command's continuation. */
export async function commit(
  store: Store,
  key: RunKey,
  expectedVersion: number,
  changes: Partial<CommitRequest> = {},
): Promise<Extract<CommitResult, { kind: 'committed' }>> {
  const result = await store.commit(request(key, expectedVersion, changes));
  if (result.kind !== 'committed') throw new Error(`not committed: ${JSON.stringify(result)}`);
  return result;
}

export async function claimTasks(
  store: Store,
  changes: Partial<Parameters<Store['claimTasks']>[0]> = {},
): Promise<readonly ClaimedTask[]> {
  const claimed = await store.claimTasks({
    owner: 'worker-1',
    queues: ['q'],
    limit: 10,
    leaseDurationMs: LEASE_MS,
    ...changes,
  });
  return claimed.work;
}

export async function claimTask(store: Store, owner = 'worker-1'): Promise<ClaimedTask> {
  return only(await claimTasks(store, { owner }));
}

export async function claimEngineWork(
  store: Store,
  owner = 'engine-1',
): Promise<readonly EngineWork[]> {
  const claimed = await store.claimEngineWork({ owner, limit: 10, leaseDurationMs: LEASE_MS });
  return claimed.work;
}

/** The one element there must be. */
export function only<T>(elements: readonly T[]): T {
  const [first, ...others] = elements;
  if (first === undefined || others.length > 0)
    throw new Error(`expected one element, found ${elements.length}`);
  return first;
}

/** The lease of a continuation that must be there. */
export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('expected a value');
  return value;
}
