import type { DecisionContext } from '../../domain/decision.ts';
import type { Rejection } from '../../domain/rejection.ts';
import { createRunState } from '../../domain/state.ts';
import {
  StoreRefusedError,
  StoreUnavailableError,
  type CommitResult,
  type NewTask,
  type RunKey,
} from '../../ports/run-store.ts';
import type { ClaimedTask, Lease } from '../../ports/work-source.ts';
import { buildCommit, type BuiltCommit } from './build-commit.ts';
import type { CommandEnvelope, Outcome } from './command-envelope.ts';
import { decideBatch, type DecidedBatch, type RefusedCommand } from './decide-batch.ts';
import type { ExecutePorts } from './execute-command.ts';
import type { CachedRun } from './run-cache.ts';
import { seesInstallation } from '../access/tenant-view.ts';

/** Commands of one run that share a commit. */
const MAX_COMMANDS_PER_COMMIT = 64;
/** How long a command is tried against conflicts and an unavailable store, with growing jittered pauses. */
const MAX_ELAPSED_MS = 8_000;
/**
 * The same for one whose caller waits, when the store does not answer: with one wait of the store's own (4.5 s for a lost
 * server, 5 s for a locked file) the caller hears of it within five seconds.
 */
const CALLER_PATIENCE_MS = 500;
/** What workflows of other tenants see of the server's environment. */
const NO_ENV = {};
const MAX_TRIES = 50;
const FIRST_PAUSE_MS = 2;
const MAX_PAUSE_MS = 1_000;

export interface Pending {
  readonly envelope: CommandEnvelope;
  readonly sentAtMs: number;
  settle(outcome: Outcome): void;
  /** A defect: whoever waits learns of it instead of hanging. */
  fail(defect: unknown): void;
}

/**
 * Commands of one run on their way through one or more commits. Few methods are async: the promises that a command
 * passed through cost this process more than its decision.
 */
export class Mailbox {
  readonly #ports: ExecutePorts;
  readonly #key: RunKey;
  readonly #onEmpty: () => void;
  /** The next batch, in the order in which they came. */
  readonly #behind: Pending[] = [];
  /** Of the present batch, what is not settled. */
  #open: readonly Pending[] = [];
  #lastFailure = '';
  /** The last try ended without an answer of the store; `refused`: without having been sent. */
  #silence: 'none' | 'unanswered' | 'refused' = 'none';
  /** Some commit of the batch was sent whose answer never came. */
  #isInDoubt = false;

  /** `onEmpty` is called in the same turn as the last look at what waits, so that no command is left in a dropped mailbox. */
  constructor(ports: ExecutePorts, key: RunKey, onEmpty: () => void) {
    this.#ports = ports;
    this.#key = key;
    this.#onEmpty = onEmpty;
  }

  add(pending: Pending): void {
    this.#behind.push(pending);
  }

  /** Settles all that is in it and all that comes meanwhile; never rejects. */
  async empty(): Promise<void> {
    while (this.#behind.length > 0) {
      const startedAtMs = this.#takeBatch();
      const { length } = this.#open;
      try {
        await this.#attempt(false);
        // Almost always it is done with.
        if (this.#open.length > 0) await this.#tryAgain(length, startedAtMs + MAX_ELAPSED_MS);
      } catch (defect) {
        for (const pending of this.#open) pending.fail(defect);
      }
    }
    this.#onEmpty();
  }

  /** Answers when. */
  #takeBatch(): number {
    this.#open = this.#behind.splice(0, MAX_COMMANDS_PER_COMMIT);
    this.#lastFailure = 'the run kept changing';
    this.#isInDoubt = false;
    return this.#ports.clock.now();
  }

  /** `waiting`: how many there were before the first attempt. */
  async #tryAgain(waiting: number, giveUpAtMs: number): Promise<void> {
    let before = waiting;
    let triedInVain = 0;
    for (;;) {
      this.#letCallersGo();
      const { length } = this.#open;
      if (length === 0) return;
      triedInVain = length < before ? 0 : triedInVain + 1;
      before = length;
      if (triedInVain >= MAX_TRIES || this.#ports.clock.now() > giveUpAtMs) return this.#giveUp();
      if (triedInVain > 1) await this.#pause(triedInVain);
      await this.#attempt(true);
    }
  }

  async #attempt(isRetry: boolean): Promise<void> {
    this.#silence = 'none';
    try {
      const { runs, store } = this.#ports;
      const { epoch } = runs;
      const known = isRetry ? undefined : this.#knownRun();
      const run = known ?? (await runs.refresh(this.#key)) ?? this.#newRun();
      if (run === undefined) return this.#settleAll({ kind: 'unknownRun' });
      const decided = decideBatch(run, this.#open, this.#context(run));
      if (decided.refused.length > 0) {
        // What an old cache refuses may be allowed by now: only a fresh state refuses for good.
        if (!isRetry) return;
        await this.#refuseAll(decided.refused);
      }
      const built = this.#build(decided, epoch);
      if (built === undefined) return;
      this.#conclude(decided, built, await store.commit(built.request), epoch);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      this.#silence = error instanceof StoreRefusedError ? 'refused' : 'unanswered';
      this.#lastFailure = error.message;
    }
  }

  /** A first try to start a run expects it not to exist; the commit finds out, for less than a read. */
  #knownRun(): CachedRun | undefined {
    const isStart = this.#open[0]?.envelope.plan !== undefined;
    return this.#ports.runs.peek(this.#key) ?? (isStart ? this.#newRun() : undefined);
  }

  #context({ tailBytes, snapshotBytes }: CachedRun): DecisionContext {
    const { clock, ids } = this.#ports;
    const runBytes = tailBytes + snapshotBytes;
    const env = seesInstallation(this.#key) ? this.#ports.env : NO_ENV;
    return { nowMs: clock.now(), random: () => ids.random(), env, runBytes };
  }

  /** `undefined`: there is nothing to commit, or it rests on what is no longer so. */
  #build(decided: DecidedBatch, epoch: number): BuiltCommit | undefined {
    const { run, version, draft, commands, nowMs } = decided;
    if (draft === undefined) return undefined;
    // What was read of a store that has been replaced since is not continued: it is decided again.
    if (epoch !== this.#ports.runs.epoch) return undefined;
    // Readers catch the shared state up in place: what was decided before that is decided again.
    if (run.state.run.version !== version) return undefined;
    return buildCommit({ key: this.#key, run, draft, commands, nowMs });
  }

  #conclude(decided: DecidedBatch, built: BuiltCommit, result: CommitResult, epoch: number): void {
    if (result.kind !== 'committed') return this.#troubled(result);
    const { run, version, draft, commands } = decided;
    if (run.state.run.version === version) {
      draft?.apply();
      run.tailBytes = built.tailBytes;
      run.snapshotBytes = built.snapshotBytes;
    }
    const { runs } = this.#ports;
    if (epoch === runs.epoch) runs.put(this.#key, run);
    for (const [index, { envelope, events }] of commands.entries()) {
      const pending = this.#open.find((open) => open.envelope === envelope);
      const task = built.request.commands[index]?.continueWith;
      const lease = result.leases[index];
      const next = task && lease && handedOn(task, lease, result.version);
      const outcome = { kind: 'committed', version: result.version, events } as const;
      if (pending !== undefined) this.#settle(pending, next ? { ...outcome, next } : outcome);
    }
  }

  /** Commands that nobody waits for are tried further, and hold up no caller behind them. */
  #letCallersGo(): void {
    if (this.#silence === 'none') return;
    const waitedTillMs = this.#ports.clock.now() - CALLER_PATIENCE_MS;
    const isOver = ({ envelope, sentAtMs }: Pending): boolean =>
      envelope.hasCaller === true && (this.#silence === 'refused' || sentAtMs <= waitedTillMs);
    this.#giveUp(isOver);
    const stay = this.#behind.filter((pending) => !isOver(pending));
    for (const pending of this.#behind.splice(0, Infinity, ...stay))
      if (!stay.includes(pending))
        pending.settle({ kind: 'unavailable', reason: this.#lastFailure, isInDoubt: false });
  }

  async #refuseAll(refused: readonly RefusedCommand<Pending>[]): Promise<void> {
    for (const { pending, rejection } of refused) await this.#refuse(pending, rejection);
  }

  /** A repetition of a recorded command is refused by the state it led to: it gets its first answer again. */
  async #refuse(pending: Pending, rejection: Rejection): Promise<void> {
    const { commandId, digest } = pending.envelope;
    const recorded = await this.#ports.store.findCommand(this.#key, commandId);
    if (recorded === undefined) return this.#settle(pending, { kind: 'rejected', rejection });
    if (recorded.digest !== digest) return this.#settle(pending, { kind: 'keyReused' });
    this.#settle(pending, { kind: 'duplicate', answer: recorded.answer });
  }

  /** Settles the one command that is named; the others are decided again on a fresh state. */
  #troubled(result: Exclude<CommitResult, { kind: 'committed' }>): void {
    if (result.kind === 'storeUnavailable') {
      this.#silence = result.isUnsent ? 'refused' : 'unanswered';
      this.#isInDoubt ||= !(result.isUnsent ?? result.isUnwritten ?? false);
      this.#lastFailure = result.reason;
      return;
    }
    if (result.kind === 'versionConflict') return;
    const pending = this.#open.find(({ envelope }) => envelope.commandId === result.commandId);
    if (pending === undefined) throw new Error(`the store named a command it was not given`);
    if (result.kind === 'duplicate')
      this.#settle(pending, { kind: 'duplicate', answer: result.answer });
    else this.#settle(pending, { kind: result.kind });
  }

  #newRun(): CachedRun | undefined {
    const plan = this.#open.find(({ envelope }) => envelope.plan !== undefined)?.envelope.plan;
    return plan && { plan, state: createRunState(plan), tailBytes: 0, snapshotBytes: 0 };
  }

  #settleAll(outcome: Outcome): void {
    for (const pending of this.#open) this.#settle(pending, outcome);
  }

  #settle(pending: Pending, outcome: Outcome): void {
    this.#open = this.#open.filter((open) => open !== pending);
    pending.settle(outcome);
  }

  #giveUp(isGivenUp: (pending: Pending) => boolean = () => true): void {
    const outcome = { reason: this.#lastFailure, isInDoubt: this.#isInDoubt };
    for (const pending of this.#open.filter(isGivenUp))
      this.#settle(pending, { kind: 'unavailable', ...outcome });
  }

  async #pause(tried: number): Promise<void> {
    const cap = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tried);
    await this.#ports.clock.sleep(Math.ceil(cap * this.#ports.ids.random()));
  }
}

function handedOn(task: NewTask, lease: Lease, runVersion: number): ClaimedTask {
  const { slot, attempt, queue } = task;
  return { slot, attempt, queue, delivery: 1, runVersion, lease };
}
