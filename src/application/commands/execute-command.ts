import { decide } from '../../domain/decide.ts';
import type { DecisionContext } from '../../domain/decision.ts';
import type { Rejection } from '../../domain/rejection.ts';
import { createRunState, draftOf, type DraftState } from '../../domain/state.ts';
import type { Clock } from '../../ports/clock.ts';
import type { IdSource } from '../../ports/id-source.ts';
import {
  StoreRefusedError,
  StoreUnavailableError,
  type CommitResult,
  type NewTask,
  type RunKey,
  type RunStore,
} from '../../ports/run-store.ts';
import type { ClaimedTask, Lease } from '../../ports/work-source.ts';
import { buildCommit, type DecidedCommand } from './build-commit.ts';
import type { CommandEnvelope, Outcome } from './command-envelope.ts';
import type { CachedRun, RunCache } from './run-cache.ts';

/** Commands of one run that share a commit. */
const MAX_COMMANDS_PER_COMMIT = 64;
/** How long a command is tried against conflicts and an unavailable store, with growing jittered pauses. */
const MAX_ELAPSED_MS = 8_000;
/**
 * The same for one whose caller waits, when the store does not answer: with one wait of the store's own (4.5 s for a lost
 * server, 5 s for a locked file) the caller hears of it within five seconds.
 */
const CALLER_PATIENCE_MS = 500;
const MAX_TRIES = 50;
const FIRST_PAUSE_MS = 2;
const MAX_PAUSE_MS = 1_000;

export type { CommandEnvelope, Outcome } from './command-envelope.ts';

export interface ExecuteCommand {
  /**
   * One pass of load, fold, decide, commit. Answers only after the store has. Commands that wait for the same run
   * share a commit. If the process dies meanwhile, the command was applied whole or not at all, and repeating it
   * with the same id is safe.
   */
  (key: RunKey, envelope: CommandEnvelope): Promise<Outcome>;
}

interface Pending {
  readonly envelope: CommandEnvelope;
  readonly sentAtMs: number;
  settle(outcome: Outcome): void;
  /** A defect: whoever waits learns of it instead of hanging. */
  fail(defect: unknown): void;
}

export function createExecuteCommand(ports: {
  readonly store: RunStore;
  readonly runs: RunCache;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly env: Readonly<Record<string, string>>;
}): ExecuteCommand {
  const mailboxes = new Map<string, Pending[]>();

  const drain = async (key: RunKey, name: string, mailbox: Pending[]): Promise<void> => {
    while (mailbox.length > 0) {
      const batch = mailbox.splice(0, MAX_COMMANDS_PER_COMMIT);
      try {
        await new Batch(ports, key, batch, mailbox).run();
      } catch (defect) {
        for (const pending of batch) pending.fail(defect);
      }
    }
    // In the same turn as the last look at its length, so that no command is left in a dropped mailbox.
    mailboxes.delete(name);
  };

  return (key, envelope) =>
    new Promise((settle, fail) => {
      const name = `${key.tenant}/${key.runId}`;
      const waiting = mailboxes.get(name);
      const pending = { envelope, sentAtMs: ports.clock.now(), settle, fail };
      if (waiting !== undefined) return void waiting.push(pending);
      const mailbox = [pending];
      mailboxes.set(name, mailbox);
      void drain(key, name, mailbox);
    });
}

/** Commands of one run on their way through one or more commits. */
class Batch {
  readonly #ports: Parameters<typeof createExecuteCommand>[0];
  readonly #key: RunKey;
  /** Commands that came meanwhile: the next batch. */
  readonly #behind: Pending[];
  #open: Pending[];
  #lastFailure = 'the run kept changing';
  /** The last try ended without an answer of the store; `refused`: without having been sent. */
  #silence: 'none' | 'unanswered' | 'refused' = 'none';
  /** Some commit was sent whose answer never came. */
  #isInDoubt = false;

  constructor(
    ports: Parameters<typeof createExecuteCommand>[0],
    key: RunKey,
    open: Pending[],
    behind: Pending[],
  ) {
    this.#ports = ports;
    this.#key = key;
    this.#open = open;
    this.#behind = behind;
  }

  async run(): Promise<void> {
    const { clock } = this.#ports;
    const giveUpAtMs = clock.now() + MAX_ELAPSED_MS;
    let triedInVain = 0;
    for (let isRetry = false; this.#open.length > 0; isRetry = true) {
      if (triedInVain >= MAX_TRIES || clock.now() > giveUpAtMs) return this.#giveUp();
      if (triedInVain > 1) await this.#pause(triedInVain);
      const waiting = this.#open.length;
      await this.#attempt(isRetry);
      this.#letCallersGo();
      triedInVain = this.#open.length < waiting ? 0 : triedInVain + 1;
    }
  }

  async #attempt(isRetry: boolean): Promise<void> {
    this.#silence = 'none';
    try {
      const { runs } = this.#ports;
      const { epoch } = runs;
      // A first try to start a run expects it not to exist; the commit finds out, for less than a read.
      const isStart = this.#open[0]?.envelope.plan !== undefined;
      const run = isRetry
        ? await runs.refresh(this.#key)
        : (runs.peek(this.#key) ?? (isStart ? undefined : await runs.refresh(this.#key)));
      const decided = await this.#decideAll(run, isRetry);
      // What was read of a store that has been replaced since is not continued: it is decided again.
      if (decided !== undefined && epoch === runs.epoch) await this.#commit(decided);
    } catch (error) {
      if (!isOperational(error)) throw error;
      this.#silence = error instanceof StoreRefusedError ? 'refused' : 'unanswered';
      this.#lastFailure = error.message;
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

  /** Decides every command in turn, each on the state the ones before it leave. */
  async #decideAll(found: CachedRun | undefined, isFresh: boolean): Promise<Decided | undefined> {
    const run = found ?? this.#newRun();
    if (run === undefined) {
      for (const pending of [...this.#open]) this.#settle(pending, { kind: 'unknownRun' });
      return undefined;
    }
    const { version } = run.state.run;
    const draft = draftOf(run.state);
    const commands: DecidedCommand[] = [];
    const nowMs = this.#ports.clock.now();
    const context: DecisionContext = {
      nowMs,
      random: () => this.#ports.ids.random(),
      env: this.#ports.env,
      runBytes: run.tailBytes + run.snapshotBytes,
    };
    const refused: { pending: Pending; rejection: Rejection }[] = [];
    const ids = new Set<string>();
    for (const pending of this.#open) {
      // A repetition waits for the next round: by then the store has the first one's answer.
      if (ids.has(pending.envelope.commandId)) continue;
      ids.add(pending.envelope.commandId);
      const ruling = decide(run.plan, draft, pending.envelope.command, context);
      if (ruling.kind === 'rejected') {
        // Behind a command that is not durable yet, a refusal may rest on what never happens: next round.
        if (commands.length === 0) refused.push({ pending, rejection: ruling.rejection });
        continue;
      }
      ruling.after.apply();
      const { events, isUnfinished } = ruling;
      commands.push({ envelope: pending.envelope, events, isUnfinished });
    }
    // What an old cache refuses may be allowed by now: only a fresh state refuses for good.
    if (refused.length > 0 && !isFresh) return undefined;
    for (const { pending, rejection } of refused) await this.#refuse(pending, rejection);
    return commands.length === 0 ? undefined : { run, version, draft, commands, nowMs };
  }

  /** A repetition of a recorded command is refused by the state it led to: it gets its first answer again. */
  async #refuse(pending: Pending, rejection: Rejection): Promise<void> {
    const { commandId, digest } = pending.envelope;
    const recorded = await this.#ports.store.findCommand(this.#key, commandId);
    if (recorded === undefined) return this.#settle(pending, { kind: 'rejected', rejection });
    if (recorded.digest !== digest) return this.#settle(pending, { kind: 'keyReused' });
    this.#settle(pending, { kind: 'duplicate', answer: recorded.answer });
  }

  async #commit({ run, version, draft, commands, nowMs }: Decided): Promise<void> {
    // Readers catch the shared state up in place: what was decided before that is decided again.
    if (run.state.run.version !== version) return;
    const built = buildCommit({ key: this.#key, run, draft, commands, nowMs });
    const { runs, store } = this.#ports;
    const { epoch } = runs;
    const result = await store.commit(built.request);
    if (result.kind !== 'committed') return this.#troubled(result);
    if (run.state.run.version === version) {
      draft.apply();
      run.tailBytes = built.tailBytes;
      run.snapshotBytes = built.snapshotBytes;
    }
    if (epoch === runs.epoch) runs.put(this.#key, run);
    for (const [index, { envelope, events }] of commands.entries()) {
      const pending = this.#open.find((open) => open.envelope === envelope);
      const next = built.request.commands[index]?.continueWith;
      const lease = result.leases[index];
      if (pending !== undefined)
        this.#settle(pending, {
          kind: 'committed',
          version: result.version,
          events,
          ...(next && lease && { next: handedOn(next, lease, result.version) }),
        });
    }
  }

  /** Settles the one command that is named; the others are decided again on a fresh state. */
  #troubled(result: Exclude<CommitResult, { kind: 'committed' }>): void {
    if (result.kind === 'storeUnavailable') {
      this.#silence = result.isUnsent ? 'refused' : 'unanswered';
      this.#isInDoubt ||= result.isUnsent !== true;
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

interface Decided {
  readonly run: CachedRun;
  /** That the draft was made from. */
  readonly version: number;
  readonly draft: DraftState;
  readonly commands: readonly DecidedCommand[];
  readonly nowMs: number;
}

function handedOn(task: NewTask, lease: Lease, runVersion: number): ClaimedTask {
  return { ...task, delivery: 1, runVersion, lease };
}

function isOperational(error: unknown): error is StoreUnavailableError {
  return error instanceof StoreUnavailableError;
}
