import { createMemoryStore } from '../../src/adapters/memory/memory-store.ts';
import { MemoryDatabase } from '../../src/adapters/memory/memory-database.ts';
import {
  createExecuteCommand,
  type CommandEnvelope,
  type ExecuteCommand,
  type Outcome,
} from '../../src/application/commands/execute-command.ts';
import { createPlanCache, type PlanCache } from '../../src/application/commands/plan-cache.ts';
import { createRunCache, type RunCache } from '../../src/application/commands/run-cache.ts';
import type { Command } from '../../src/domain/commands.ts';
import { parseDefinition } from '../../src/domain/definition.ts';
import type { EventBody } from '../../src/domain/events.ts';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import type { StepState } from '../../src/domain/state.ts';
import { readEvent } from '../../src/domain/upcast.ts';
import type { IdSource } from '../../src/ports/id-source.ts';
import type { Logger } from '../../src/ports/logger.ts';
import type { CommitRequest, RunKey } from '../../src/ports/run-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { start } from './given.ts';
import { createManualClock, type ManualClock } from './manual-clock.ts';
import { createSeededIds } from './seeded-ids.ts';

/** What the store's machine holds and every process on it shares. */
export interface Installation {
  readonly clock: ManualClock;
  readonly ids: IdSource;
  readonly database: MemoryDatabase;
}

export function createInstallation(seed = 1): Installation {
  const ids = createSeededIds(seed);
  return { clock: createManualClock(), ids, database: new MemoryDatabase(ids) };
}

export interface LogEntry {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
}

/** One process: its own store instance, caches and executor over the installation's database. */
export class TestProcess {
  readonly clock: ManualClock;
  readonly ids: IdSource;
  readonly store: Store;
  readonly runs: RunCache;
  readonly plans: PlanCache;
  readonly execute: ExecuteCommand;
  readonly logger: Logger;
  readonly log: LogEntry[] = [];
  /** Every commit the process asked for. */
  readonly commits: CommitRequest[] = [];
  readonly #faults: { operation: keyof Store; what: 'fail' | 'lose-reply' }[] = [];
  readonly #gates = new Map<keyof Store, Promise<undefined>>();
  #sentCommands = 0;

  constructor({ clock, ids, database }: Installation) {
    this.clock = clock;
    this.ids = ids;
    const store = createMemoryStore({
      database,
      clock,
      ids,
      faults: { before: (operation) => this.#before(operation) },
    });
    this.store = {
      ...store,
      commit: (request) => {
        this.commits.push(request);
        return store.commit(request);
      },
    };
    this.plans = createPlanCache(this.store);
    this.runs = createRunCache(this.store, this.plans);
    this.execute = createExecuteCommand({
      store: this.store,
      runs: this.runs,
      clock,
      ids,
      env: {},
    });
    const record =
      (level: LogEntry['level']) =>
      (_fields: object, message: string): void =>
        void this.log.push({ level, message });
    this.logger = {
      debug: record('debug'),
      info: record('info'),
      warn: record('warn'),
      error: record('error'),
    };
  }

  /** The next `times` calls of the operation fail, or are applied without an answer. */
  inject(operation: keyof Store, what: 'fail' | 'lose-reply', times = 1): void {
    for (let time = 0; time < times; time += 1) this.#faults.push({ operation, what });
  }

  /** Calls of the operation wait until the answer is called. */
  hold(operation: keyof Store): () => void {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#gates.set(operation, promise);
    return () => {
      this.#gates.delete(operation);
      resolve(undefined);
    };
  }

  async #before(operation: keyof Store): Promise<'proceed' | 'fail' | 'lose-reply'> {
    await this.#gates.get(operation);
    const at = this.#faults.findIndex((fault) => fault.operation === operation);
    return at < 0 ? 'proceed' : (this.#faults.splice(at, 1)[0]?.what ?? 'proceed');
  }

  /** Registers the definition and starts a run of it. */
  async start(
    definition: JsonObject,
    input: Json = {},
    more: Partial<CommandEnvelope> = {},
  ): Promise<RunKey> {
    const key = { tenant: 'default', runId: this.ids.newId() };
    const outcome = await this.startAs(key, definition, input, more);
    if (outcome.kind !== 'committed') throw new Error(`not started: ${JSON.stringify(outcome)}`);
    // The executor's own housekeeping after the answer.
    await this.clock.advance(0);
    return key;
  }

  async startAs(
    key: RunKey,
    definition: JsonObject,
    input: Json = {},
    more: Partial<CommandEnvelope> = {},
  ): Promise<Outcome> {
    const parsed = parseDefinition(definition);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
    const { hash, document, plan } = parsed;
    await this.store.register({ tenant: key.tenant, name: plan.name, hash, document });
    const command: Command = { ...startCommand(input), runId: key.runId };
    return this.send(key, command, { commandId: 'start', plan, ...more });
  }

  /** Sends a command under an id of its own. */
  send(key: RunKey, command: Command, more: Partial<CommandEnvelope> = {}): Promise<Outcome> {
    this.#sentCommands += 1;
    const commandId = `test-${this.#sentCommands}`;
    return this.execute(key, { command, commandId, actor: 'test', causationId: 'test', ...more });
  }

  async history(key: RunKey): Promise<EventBody[]> {
    const lines = await this.store.readHistory(key, 1, 100_000);
    return lines.map((line) => readEvent(line).body);
  }

  async types(key: RunKey): Promise<string[]> {
    return (await this.history(key)).map(({ type }) => type);
  }

  /** The step as the store has it now. */
  async step(key: RunKey, id: string): Promise<StepState> {
    const run = await this.runs.refresh(key);
    const index = run?.plan.indexOf.get(id);
    if (run === undefined || index === undefined) throw new Error(`no step "${id}"`);
    return run.state.steps.get(index);
  }

  async status(key: RunKey): Promise<string | undefined> {
    return (await this.runs.refresh(key))?.state.run.status;
  }
}

function startCommand(input: Json): Extract<Command, { type: 'StartWorkflow' }> {
  const command = start(input);
  if (command.type !== 'StartWorkflow') throw new Error('unreachable');
  return command;
}

/** Lets everything that does not wait for time go on until the condition holds; throws if it never does. */
export async function until(
  clock: ManualClock,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) {
    if (await condition()) return;
    await clock.advance(0);
  }
  throw new Error('the condition did not come to hold');
}

/** The same for an answer: time moves on in steps until the promise settles. */
export async function settled<Value>(
  clock: ManualClock,
  promise: Promise<Value>,
  stepMs = 100,
): Promise<Value> {
  const state = { isSettled: false };
  const mark = (): void => {
    state.isSettled = true;
  };
  promise.then(mark, mark);
  for (let turn = 0; turn < 2_000 && !state.isSettled; turn += 1)
    await clock.advance(turn < 5 ? 0 : stepMs);
  if (!state.isSettled) throw new Error('the promise did not settle');
  return promise;
}
