import type { Json } from '../domain/json.ts';
import type { RunKey } from './run-store.ts';

/**
 * The right to work on one item until `expiresAtMs`. Opaque outside the adapter except for what is
 * named here. `fence` grows with every claim of the item: a stale owner's commits and renewals are refused.
 */
export interface Lease {
  readonly key: RunKey;
  readonly item: 'task' | 'timer' | 'message';
  /** Slot, timer id or message id. */
  readonly id: string;
  readonly owner: string;
  readonly fence: number;
  readonly expiresAtMs: number;
}

/** Length of a heartbeat payload as JSON text. */
export const MAX_HEARTBEAT_CHARS = 65_536;

/** A step attempt to run. */
export interface ClaimedTask {
  readonly slot: string;
  readonly attempt: number;
  readonly queue: string;
  /** How often this attempt was claimed, this time included (a release takes one back). */
  readonly delivery: number;
  /** The run's version at the claim: a cached state older than this must be refreshed first. */
  readonly runVersion: number;
  /** Last payload a heartbeat of this attempt left. */
  readonly heartbeat?: Json;
  readonly lease: Lease;
}

/** Work of the engine itself, claimable by any Baton process. */
export type EngineWork =
  | {
      readonly kind: 'timer';
      readonly timerId: string;
      readonly dueAtMs: number;
      readonly lease: Lease;
    }
  | {
      readonly kind: 'recalled';
      readonly slot: string;
      readonly attempt: number;
      readonly lease: Lease;
    }
  | {
      readonly kind: 'message';
      readonly messageId: string;
      readonly target: RunKey;
      readonly body: Json;
      /** `lease.key` is the sender's run. */
      readonly lease: Lease;
    };

export interface Claimed<Work> {
  readonly work: readonly Work[];
  /**
   * When unclaimed or leased work of this kind may next become claimable (store clock): now, when `limit` left some;
   * absent: none known.
   */
  readonly nextDueAtMs?: number;
}

export type RenewResult =
  | { readonly kind: 'renewed'; readonly lease: Lease; readonly cancelRequested: boolean }
  | { readonly kind: 'leaseLost' };

/** What the store knows of a run's open work, for people who ask why it waits. */
export interface OpenTask {
  readonly slot: string;
  readonly attempt: number;
  readonly queue: string;
  readonly deliveries: number;
  readonly recalled: boolean;
  readonly heartbeat?: Json;
  /** Present while somebody holds it. */
  readonly lease?: {
    readonly owner: string;
    readonly expiresAtMs: number;
    readonly claimedAtMs: number;
  };
}

export interface OpenWork {
  readonly tasks: readonly OpenTask[];
  readonly timers: readonly { readonly timerId: string; readonly dueAtMs: number }[];
  readonly messages: number;
}

export interface QueueDepth {
  readonly queue: string;
  readonly waiting: number;
  readonly leased: number;
  /** Enqueue time of the oldest waiting task (epoch ms). */
  readonly oldestWaitingSinceMs?: number;
}

export interface WorkSource {
  /**
   * Leases at most `limit` tasks of these queues, never leased ones and those whose lease expired: those of the
   * highest priority first, and of them the oldest, except that tenants take turns in a queue (ports/task-place.ts).
   * What was released, and what its holder left behind, stands at its old place. A low priority waits for as long as
   * there is work of a higher one. A process that dies holds tasks no longer than the lease. Throws
   * StoreUnavailableError.
   */
  claimTasks(request: {
    readonly owner: string;
    readonly queues: readonly string[];
    readonly limit: number;
    readonly leaseDurationMs: number;
  }): Promise<Claimed<ClaimedTask>>;

  /** Due timers, recalled tasks and messages, oldest first. */
  claimEngineWork(request: {
    readonly owner: string;
    readonly limit: number;
    readonly leaseDurationMs: number;
  }): Promise<Claimed<EngineWork>>;

  /**
   * Extends the lease from now, an expired one too while nobody else has claimed the item; a heartbeat payload
   * replaces the last one. Throws RangeError for a payload above MAX_HEARTBEAT_CHARS.
   */
  renew(lease: Lease, durationMs: number, heartbeat?: Json): Promise<RenewResult>;

  /** Gives the item back at once, its delivery uncounted; a lost lease is ignored. */
  release(lease: Lease): Promise<void>;

  /**
   * Removes the item without a commit if the lease is still held, else does nothing: for a message that its
   * target has already recorded (the commit answered `duplicate`) or that has no target any more.
   */
  discard(lease: Lease): Promise<void>;

  openWork(key: RunKey): Promise<OpenWork>;

  queueDepths(): Promise<readonly QueueDepth[]>;
}
