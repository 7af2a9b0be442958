import type { Json } from '../domain/json.ts';
import type { Priority } from '../domain/priority.ts';
import type { Lease } from './work-source.ts';

/** Names one run. The tenant is part of every key, so that nothing reads across tenants. */
export interface RunKey {
  readonly tenant: string;
  readonly runId: string;
}

/**
 * A step attempt that a worker may claim. A run holds at most one task per slot (the step's path): a task that
 * still stands there is replaced, its lease lost, its heartbeat forgotten.
 */
export interface NewTask {
  readonly slot: string;
  readonly attempt: number;
  readonly queue: string;
  /** Default normal. Of all that wait in the queues of a claim, what has the highest is claimed first. */
  readonly priority?: Priority;
}

/** Fires once, never before `dueAtMs` (store clock, epoch ms). A timer of the same id is replaced, its lease lost. */
export interface NewTimer {
  readonly timerId: string;
  readonly dueAtMs: number;
}

/**
 * A command for another run, delivered at least once; its id is the target's command id. An id that the run
 * has posted before and that still waits is the same message and is not posted again.
 */
export interface NewMessage {
  readonly messageId: string;
  readonly target: RunKey;
  readonly body: Json;
}

/** One sender's command inside a commit. */
export interface CommitCommand {
  /** Unique within the run for as long as the run lives: the deduplication key. */
  readonly id: string;
  /** Digest of a client's payload. The same id with another digest is refused as `keyReused`. */
  readonly digest?: string;
  /** What a repetition of the command is answered. */
  readonly answer: Json;
  /**
   * Work whose lease must still be held; the commit removes the work item it stands for. An expired lease is held
   * until somebody else claims the item. `acknowledge.key` may be another run of the store (a message's sender).
   */
  readonly acknowledge?: Lease;
  /**
   * Handing on: the acknowledged slot's lease passes to this task instead of a new queue entry. Needs an
   * acknowledged task of this run. The new lease lasts, from now, as long as the last claim or renewal asked for.
   */
  readonly continueWith?: NewTask;
}

/** What a run can be looked up by beside its status: it waits for a person, or its history has checkpoints. */
export const RUN_MARKS = ['awaits_person', 'has_checkpoints'] as const;
export type RunMark = (typeof RUN_MARKS)[number];

/** What lists show of a run; written in the same commit as the events that changed it. */
export interface IndexEntry {
  readonly name: string;
  readonly status: string;
  readonly startedAtMs: number;
  readonly finishedAtMs?: number;
  /** In the order of `RUN_MARKS`; replaces those of the entry before. */
  readonly marks: readonly RunMark[];
}

export interface RunSnapshot {
  /** The run's version that the snapshot stands for. */
  readonly version: number;
  /** Serialised state; opaque to the store. */
  readonly data: string;
}

/**
 * The parts are applied in the order acknowledge and continueWith, enqueue, recall, cancelTimers, timers, messages:
 * who merges commands into one request drops what a later command takes back.
 */
export interface CommitRequest {
  readonly key: RunKey;
  /** 0 means: the run must not exist (the request then brings at least one event). */
  readonly expectedVersion: number;
  readonly commands: readonly CommitCommand[];
  /** Serialised events, one line each; event n of a run has sequence n. May be empty (a pure acknowledgement). */
  readonly events: readonly string[];
  /** Replaces the run's snapshot. */
  readonly snapshot?: RunSnapshot;
  readonly enqueue: readonly NewTask[];
  /**
   * Slots asked back. One that nobody holds becomes `recalled` engine work at once; a held one answers
   * `cancelRequested` to its holder's next renewal and becomes `recalled` work if that lease expires or is released.
   * A slot without a task is ignored.
   */
  readonly recall: readonly string[];
  readonly timers: readonly NewTimer[];
  /** Ids of timers to remove; an unknown id is ignored. */
  readonly cancelTimers: readonly string[];
  readonly messages: readonly NewMessage[];
  readonly index?: IndexEntry;
}

export type CommitResult =
  /** Durable. `leases[i]` is the lease of `commands[i].continueWith`, where there was one. */
  | {
      readonly kind: 'committed';
      readonly version: number;
      readonly leases: readonly (Lease | undefined)[];
    }
  /** This command was recorded before; nothing of this request was applied. */
  | { readonly kind: 'duplicate'; readonly commandId: string; readonly answer: Json }
  | { readonly kind: 'keyReused'; readonly commandId: string }
  | { readonly kind: 'leaseLost'; readonly commandId: string }
  | { readonly kind: 'versionConflict'; readonly actualVersion: number }
  /** Unknown whether applied (a reply may be lost): repeat with the same command ids to find out. */
  | {
      readonly kind: 'storeUnavailable';
      readonly reason: string;
      /** Known for once: it was not sent. */
      readonly isUnsent?: true;
      /** Known for once: it was sent, and ended before anything was written. Another try may do better. */
      readonly isUnwritten?: true;
    };

export interface LoadedRun {
  readonly version: number;
  readonly snapshot?: RunSnapshot;
  /** Events after the snapshot (or after `afterVersion`), up to `version`, gapless. */
  readonly tail: readonly string[];
}

export interface RunListing extends IndexEntry {
  readonly key: RunKey;
}

export interface ListRunsQuery {
  readonly tenant: string;
  readonly statuses?: readonly string[];
  readonly name?: string;
  /** Only runs that have it. */
  readonly mark?: RunMark;
  readonly limit: number;
  /** Opaque, from a previous page. Throws `InvalidCursorError` when it is not one. */
  readonly cursor?: string;
}

export class InvalidCursorError extends Error {}

/** Thrown by reads (never by `commit`) when the store cannot answer: locked, full, corrupt, gone. */
export class StoreUnavailableError extends Error {}

/** The call was not sent: the store has not answered for a while, and every call would only wait in vain. */
export class StoreRefusedError extends StoreUnavailableError {}

export interface RunStore {
  /**
   * All of the request or nothing, durably, before it answers. Check order: duplicate, lease, version,
   * so that a lost reply reads as "already recorded" and never as a lost lease. Never throws for an
   * operational failure; throws for a request that breaks its own rules (`assertCommitRequest`).
   */
  commit(request: CommitRequest): Promise<CommitResult>;

  /**
   * Snapshot, tail and version, read together. With `afterVersion`: only the events after it and no
   * snapshot (all of it from the snapshot when the run is now shorter than that). `undefined`: no such run.
   */
  load(key: RunKey, afterVersion?: number): Promise<LoadedRun | undefined>;

  /** What a recorded command was answered; `undefined`: not recorded. */
  findCommand(
    key: RunKey,
    commandId: string,
  ): Promise<{ readonly answer: Json; readonly digest?: string } | undefined>;

  /** Events `fromSequence`, `fromSequence + 1`, … at most `limit`. Empty past the end or without a run. */
  readHistory(key: RunKey, fromSequence: number, limit: number): Promise<readonly string[]>;

  /** Newest start first. */
  listRuns(query: ListRunsQuery): Promise<{ runs: readonly RunListing[]; nextCursor?: string }>;

  /** Every run of every tenant, in a stable order, for maintenance. */
  scanRuns(
    limit: number,
    cursor?: string,
  ): Promise<{ keys: readonly RunKey[]; nextCursor?: string }>;

  /** Writes a rebuilt index entry if the run still has that version; false if it moved on. */
  replaceIndex(key: RunKey, version: number, entry: IndexEntry): Promise<boolean>;

  /**
   * Removes at most `limit` finished runs with all they hold: those finished before
   * `finishedBeforeMs`, and those beyond the `keepNewest` most recently finished of their tenant.
   */
  purgeFinished(rule: {
    readonly finishedBeforeMs: number;
    readonly keepNewest: number;
    readonly limit: number;
  }): Promise<number>;
}
