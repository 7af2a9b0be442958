import type { Command } from '../domain/commands.ts';
import { decide } from '../domain/decide.ts';
import type { DecisionContext } from '../domain/decision.ts';
import type { EventBody } from '../domain/events.ts';
import type { Json } from '../domain/json.ts';
import type { Plan } from '../domain/plan.ts';
import type { Rejection } from '../domain/rejection.ts';
import { createRunState, draftOf, type DraftState } from '../domain/state.ts';
import { evolve } from '../domain/evolve.ts';
import type { Clock } from '../ports/clock.ts';
import type { IdSource } from '../ports/id-source.ts';
import {
  StoreUnavailableError,
  type CommitResult,
  type NewTask,
  type RunKey,
  type RunStore,
} from '../ports/run-store.ts';
import type { ClaimedTask, Lease } from '../ports/work-source.ts';
import { buildCommit, type DecidedCommand } from './build-commit.ts';
import type { CachedRun, RunCache } from './run-cache.ts';

/** Commands of one run that share a commit. */
const MAX_COMMANDS_PER_COMMIT = 64;
/**
 * How long a command is tried against conflicts and an unavailable store, with growing jittered pauses. A caller
 * waits at most this long and one wait of the store's own (5 s for a locked file): well within a tool call's 25 s.
 */
const MAX_ELAPSED_MS = 8_000;
const MAX_TRIES = 50;
const FIRST_PAUSE_MS = 2;
const MAX_PAUSE_MS = 1_000;

/** A command with who sends it and why. */
export interface CommandEnvelope {
  readonly command: Command;
  /** The deduplication key within the run; repeat it to learn what became of an unanswered call. */
  readonly commandId: string;
  readonly actor: string;
  readonly causationId: string;
  readonly traceparent?: string;
  /** Digest of a client's request, where the client chose the id. */
  readonly digest?: string;
  /** What a repetition is answered; the run's version is added. */
  readonly answer?: Json;
  /** The work this command reports on; it is done with when the commit is. */
  readonly acknowledge?: Lease;
  /** The sender can go on with a task of this queue (handing on). */
  readonly canContinue?: (queue: string) => boolean;
  /** Of a StartWorkflow: the plan to pin. */
  readonly plan?: Plan;
}

export type Outcome =
  /** Durable. `next` is the task handed on to the sender. */
  | {
      readonly kind: 'committed';
      readonly version: number;
      readonly events: readonly EventBody[];
      readonly next?: ClaimedTask;
    }
  /** Was recorded before, with this answer; nothing was changed now. */
  | { readonly kind: 'duplicate'; readonly answer: Json }
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  | { readonly kind: 'keyReused' }
  | { readonly kind: 'leaseLost' }
  | { readonly kind: 'unknownRun' }
  /** Whether it was applied is unknown; the same command id settles it. */
  | { readonly kind: 'unavailable'; readonly reason: string };

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
        await new Batch(ports, key, batch).run();
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
      if (waiting !== undefined) return void waiting.push({ envelope, settle, fail });
      const mailbox = [{ envelope, settle, fail }];
      mailboxes.set(name, mailbox);
      void drain(key, name, mailbox);
    });
}

/** Commands of one run on their way through one or more commits. */
class Batch {
  readonly #ports: Parameters<typeof createExecuteCommand>[0];
  readonly #key: RunKey;
  #open: Pending[];
  #lastFailure = 'the run kept changing';

  constructor(ports: Parameters<typeof createExecuteCommand>[0], key: RunKey, open: Pending[]) {
    this.#ports = ports;
    this.#key = key;
    this.#open = open;
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
      triedInVain = this.#open.length < waiting ? 0 : triedInVain + 1;
    }
  }

  async #attempt(isRetry: boolean): Promise<void> {
    try {
      const { runs } = this.#ports;
      // A first try to start a run expects it not to exist; the commit finds out, for less than a read.
      const isStart = this.#open[0]?.envelope.plan !== undefined;
      const run = isRetry
        ? await runs.refresh(this.#key)
        : (runs.peek(this.#key) ?? (isStart ? undefined : await runs.refresh(this.#key)));
      const decided = await this.#decideAll(run, isRetry);
      if (decided !== undefined) await this.#commit(decided);
    } catch (error) {
      if (!isOperational(error)) throw error;
      this.#lastFailure = error.message;
    }
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
      for (const event of ruling.events) evolve(run.plan, draft, event, nowMs);
      commands.push({ envelope: pending.envelope, ...ruling });
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
    const result = await this.#ports.store.commit(built.request);
    if (result.kind !== 'committed') return this.#troubled(result);
    if (run.state.run.version === version) {
      draft.apply();
      run.tailBytes = built.tailBytes;
      run.snapshotBytes = built.snapshotBytes;
    }
    this.#ports.runs.put(this.#key, run);
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

  #giveUp(): void {
    for (const pending of [...this.#open])
      this.#settle(pending, { kind: 'unavailable', reason: this.#lastFailure });
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
