import { createHmac } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../../src/application/call-arguments.ts';
import type { Command } from '../../src/domain/commands.ts';
import type { Plan } from '../../src/domain/plan.ts';
import { parseDefinition } from '../../src/domain/definition.ts';
import type { Store } from '../../src/ports/store.ts';
import {
  checkInvariants,
  type ClientCall,
  type EarlierReads,
  type RunFacts,
  type SinkEntry,
  type Violation,
} from '../support/invariants.ts';
import type { ClientRun, Intent } from './chaos-client.ts';
import type { LossWindows } from './loss-windows.ts';

const TENANT = 'default';

/** What one look at everything that was left behind has found. */
export interface Examination {
  readonly violations: readonly Violation[];
  readonly facts: readonly RunFacts[];
  readonly effects: readonly SinkEntry[];
  /** Effects that the sink would have refused, because it knew their key. */
  readonly duplicates: number;
  /** What clients were told in a window of loss, and is not recorded. */
  readonly lost: number;
  /** Attempts that ended as poison: so many workers were killed with them. */
  readonly poisoned: number;
}

export interface Witnesses {
  readonly store: Store;
  /** Workspace, with the sink's and the processes' logs. */
  readonly folder: string;
  readonly intents: readonly Intent[];
  readonly earlierReads: EarlierReads;
  readonly losses: LossWindows;
  readonly isSettled: boolean;
}

/** Histories, client log, sink log and the processes' own logs, held against each other. */
export async function examine(witnesses: Witnesses): Promise<Examination> {
  const { store, folder, intents, earlierReads, losses, isSettled } = witnesses;
  const effects = readSink(folder);
  const calls = await clientCalls(store, intents);
  const [uncertain, certain] = partition(calls, ({ answeredAtMs }) =>
    losses.includes(answeredAtMs),
  );
  const facts: RunFacts[] = [];
  const violations = await checkInvariants({
    store,
    clientLog: certain,
    sinkLog: effects.filter(({ atMs }) => !losses.includes(atMs)),
    earlierReads,
    isSettled,
    planOf: compileOnce,
    inspect: (run) => {
      facts.push(run);
      // Before all is settled effects come after the sink was read.
      return isSettled ? checkWasDone(run, effects) : [];
    },
  });
  const keys = new Set(effects.map(({ idempotencyKey }) => idempotencyKey));
  return {
    violations: [
      ...violations,
      ...(isSettled ? await checkQueues(store) : []),
      ...readDefects(folder),
    ],
    facts,
    effects,
    duplicates: effects.length - keys.size,
    lost: await countLost(store, uncertain),
    poisoned: facts.flatMap(({ events }) => events).filter(({ body }) => isPoison(body)).length,
  };
}

/** A call as the checker knows it, and when it was answered. */
type TimedCall = ClientCall & { readonly answeredAtMs: number };

async function countLost(store: Store, calls: readonly TimedCall[]): Promise<number> {
  const told = calls.filter(({ answer }) => answer?.kind === 'committed');
  const recorded = await Promise.all(
    told.map(({ key, commandId }) => store.findCommand(key, commandId)),
  );
  return recorded.filter((found) => found === undefined).length;
}

function partition<Item>(
  items: readonly Item[],
  isFirst: (item: Item) => boolean,
): [first: Item[], second: Item[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}

/** Lines that a dying process left unfinished are not whole effects. */
export function readSink(folder: string): Effect[] {
  const path = join(folder, 'sink.jsonl');
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => ({
      tenant: TENANT,
      input: null,
      ...(JSON.parse(line) as Omit<Effect, 'tenant' | 'input'>),
    })); // written by effect-handler.ts
}

/** With the process that had it. */
export type Effect = SinkEntry & { readonly pid: number };

/** What was recorded as done has had its effect. */
function checkWasDone({ key, events, plan }: RunFacts, effects: readonly SinkEntry[]): Violation[] {
  const had = new Set(
    effects.filter(({ runId }) => runId === key.runId).map((one) => `${one.step}#${one.attempt}`),
  );
  return events.flatMap(({ body }) => {
    if (body.type !== 'StepCompleted' || body.worker === undefined) return [];
    const { uses } = plan.steps[plan.indexOf.get(body.step) ?? -1] ?? {};
    const hasEffect = uses === 'chaos.effect' || uses === 'shell';
    if (!hasEffect || had.has(`${body.step}#${body.attempt}`)) return [];
    const message = `${body.step}#${body.attempt} is recorded as done, but had no effect`;
    return [{ invariant: 'I5' as const, runId: key.runId, message }];
  });
}

function isPoison(body: RunFacts['events'][number]['body']): boolean {
  return body.type === 'StepFailed' && body.error.code === 'poison';
}

/** When every run has ended, no queue offers anything. */
async function checkQueues(store: Store): Promise<Violation[]> {
  return (await store.queueDepths())
    .filter(({ waiting, leased }) => waiting + leased > 0)
    .map(({ queue, waiting, leased }) => ({
      invariant: 'I1',
      runId: '',
      message: `all has ended, but queue ${queue} has ${waiting} waiting and ${leased} leased`,
    }));
}

/** A mistake of Baton's own, or a loop that ended, stands in the logs as an error. */
function readDefects(folder: string): Violation[] {
  const logs = readdirSync(folder).filter((name) => /\.\d*\.?log$/.test(name));
  const lines = logs.flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'));
  const errors = lines.filter((line) => /"level":(50|"error")/.test(line));
  return errors.map((message) => ({ invariant: 'defect', runId: '', message }));
}

const plans = new Map<string, Plan>();

function compileOnce(document: string): Plan {
  const known = plans.get(document);
  if (known !== undefined) return known;
  const parsed = parseDefinition(JSON.parse(document));
  if (!parsed.ok) throw new Error(`a stored definition does not compile: ${document}`);
  plans.set(document, parsed.plan);
  return parsed.plan;
}

/** Where a run must be, whether or not its start was ever answered (application/start-workflow.ts). */
export function runIdOf(store: Store, startKey: string): string {
  const hmac = createHmac('sha256', store.secret).update(JSON.stringify([TENANT, startKey]));
  return hmac.digest('hex').slice(0, 32);
}

async function clientCalls(store: Store, intents: readonly Intent[]): Promise<TimedCall[]> {
  const hashes = new Map<string, string>();
  for (const name of new Set(intents.map(({ run }) => run.workflow)))
    hashes.set(name, (await store.findByName(TENANT, name))?.hash ?? '');
  const starts = new Map<ClientRun, string>();
  for (const { kind, key, run } of intents) if (kind === 'start') starts.set(run, key);
  return intents.flatMap((intent) => {
    const { kind, key, run, sendings } = intent;
    const runId = runIdOf(store, starts.get(run) ?? '');
    const command = commandOf(intent);
    const isStart = kind === 'start';
    return sendings.map(({ answer, answeredAtMs, sentAtMs }) => ({
      answeredAtMs: answeredAtMs ?? sentAtMs,
      key: { tenant: TENANT, runId },
      commandId: isStart ? 'start' : `client:${key}`,
      type: command.type,
      digest: isStart
        ? digestOf(hashes.get(run.workflow) ?? '', '{}')
        : digestOf(JSON.stringify(command)),
      // A defect is a complaint of the client's already.
      ...(answer && answer.kind !== 'defect' && { answer: { kind: answer.kind } }),
    }));
  });
}

/** As the use cases make them: their digest is compared with the recorded one. */
function commandOf({ kind }: Intent): Pick<Command, 'type'> {
  switch (kind) {
    case 'start':
      return { type: 'StartWorkflow' };
    case 'cancel':
      return { type: 'CancelWorkflow' };
    case 'signal':
      return { type: 'SignalWorkflow', ...{ name: 'go', payload: null } };
    case 'resolve':
      return { type: 'ResolveStep', ...{ step: 'risky', resolution: 'retry' } };
  }
}
