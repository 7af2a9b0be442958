import type { Artifact } from '../../ports/artifact-store.ts';
import type { StoreChange } from '../../ports/change-feed.ts';
import type { RegisteredDefinition } from '../../ports/definition-catalog.ts';
import type { IdSource } from '../../ports/id-source.ts';
import type { IndexEntry, RunKey, RunSnapshot } from '../../ports/run-store.ts';
import type { Lease } from '../../ports/work-source.ts';
import type { Priority } from '../../domain/priority.ts';
import { priorityAt } from '../../ports/task-place.ts';
import { ClaimLine } from './claim-line.ts';
import type { Claimable } from './claim-line.ts';
import { TaskLine } from './task-line.ts';
import { MemoryFeed } from './memory-feed.ts';

/** What every leased item carries. Payloads are kept as JSON text: what goes in or out shares nothing. */
export interface MemoryItem extends Claimable {
  readonly run: MemoryRun;
  id: string;
  owner?: string | undefined;
  fence: number;
  leaseMs: number;
}

export interface MemoryTask extends MemoryItem {
  attempt: number;
  queue: string;
  enqueuedAtMs: number;
  claimedAtMs: number;
  deliveries: number;
  recalledAtMs?: number | undefined;
  heartbeat?: string | undefined;
}

export interface MemoryTimer extends MemoryItem {
  readonly dueAtMs: number;
}

export interface MemoryMessage extends MemoryItem {
  readonly target: RunKey;
  readonly body: string;
  readonly postedAtMs: number;
}

export interface MemoryRun {
  readonly key: RunKey;
  /** Order of creation. */
  readonly seq: number;
  readonly events: string[];
  snapshot?: RunSnapshot;
  index?: IndexEntry;
  readonly commands: Map<string, { readonly digest: string | undefined; readonly answer: string }>;
  readonly tasks: Map<string, MemoryTask>;
  readonly timers: Map<string, MemoryTimer>;
  readonly messages: Map<string, MemoryMessage>;
  /** By the hash of their content. */
  readonly artifacts: Map<string, Artifact>;
}

export interface MemoryEntry {
  readonly value: string;
  readonly revision: number;
  readonly expiresAtMs: number;
}

/** What several memory stores (the processes of a simulation) share: it outlives each of them. */
export class MemoryDatabase {
  readonly secret: string;
  readonly runs = new Map<string, MemoryRun>();
  readonly definitions: RegisteredDefinition[] = [];
  /** By namespace, then key. */
  readonly entries = new Map<string, Map<string, MemoryEntry>>();
  readonly timers = new ClaimLine<MemoryTimer>();
  readonly messages = new ClaimLine<MemoryMessage>();
  readonly recalled = new ClaimLine<MemoryTask>();
  readonly feed: MemoryFeed;
  /** Called with the store that wrote, and what it wrote. */
  readonly listeners = new Set<(writer: object, change: StoreChange) => void>();
  /** By queue, then priority. */
  readonly #queues = new Map<string, Map<Priority, TaskLine>>();
  #sequence = 0;

  /** `maxFeedEntries`: default MAX_FEED_ENTRIES. */
  constructor(ids: IdSource, maxFeedEntries?: number) {
    this.feed = new MemoryFeed(maxFeedEntries);
    this.secret = Buffer.from(ids.newId() + ids.newId()).toString('hex');
  }

  /** Fences, order and revisions are drawn from one growing number: none ever comes twice. */
  nextSequence(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  findRun(key: RunKey): MemoryRun | undefined {
    return this.runs.get(runName(key));
  }

  /** Of every priority that was there. */
  linesOf(queue: string): readonly TaskLine[] {
    return [...(this.#queues.get(queue)?.values() ?? [])];
  }

  lineOf(queue: string, priority: Priority): TaskLine {
    let lines = this.#queues.get(queue);
    if (!lines) {
      lines = new Map<Priority, TaskLine>();
      this.#queues.set(queue, lines);
    }
    let line = lines.get(priority);
    if (!line) lines.set(priority, (line = new TaskLine()));
    return line;
  }

  placeTask(task: MemoryTask): void {
    if (task.recalledAtMs !== undefined) this.recalled.place(task);
    else this.lineOf(task.queue, priorityAt(task.place)).place(task);
  }

  createRun(key: RunKey): MemoryRun {
    const run: MemoryRun = {
      key: { tenant: key.tenant, runId: key.runId },
      seq: this.nextSequence(),
      events: [],
      commands: new Map(),
      tasks: new Map(),
      timers: new Map(),
      messages: new Map(),
      artifacts: new Map(),
    };
    this.runs.set(runName(key), run);
    return run;
  }

  deleteRun(run: MemoryRun): void {
    for (const item of [...run.tasks.values(), ...run.timers.values()]) retire(item);
    this.runs.delete(runName(run.key));
  }

  /** The item if the lease is still held: expired too, as long as nobody else has claimed it. */
  held({ key, item, id, owner, fence }: Lease): MemoryItem | undefined {
    const found = this.findRun(key)?.[ITEMS[item]].get(id);
    return found?.owner === owner && found.fence === fence ? found : undefined;
  }

  removeHeld(lease: Lease): void {
    const found = this.held(lease);
    if (!found) return;
    retire(found);
    found.run[ITEMS[lease.item]].delete(lease.id);
  }
}

const ITEMS = { task: 'tasks', timer: 'timers', message: 'messages' } as const;

/** Takes the item out of whatever line it stands in. */
export function retire(item: MemoryItem): void {
  item.stamp += 1;
}

function runName({ tenant, runId }: RunKey): string {
  return JSON.stringify([tenant, runId]);
}
