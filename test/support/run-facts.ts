import type { Outcome } from '../../src/application/commands/execute-command.ts';
import type { Command } from '../../src/domain/commands.ts';
import { parseDefinition } from '../../src/domain/definition.ts';
import type { EventBody, RunEvent } from '../../src/domain/events.ts';
import { evolve } from '../../src/domain/evolve.ts';
import type { Json } from '../../src/domain/json.ts';
import type { Plan } from '../../src/domain/plan.ts';
import { createRunState, type RunState } from '../../src/domain/state.ts';
import { readEvent } from '../../src/domain/upcast.ts';
import type { DefinitionCatalog } from '../../src/ports/definition-catalog.ts';
import type { LoadedRun, RunKey, RunListing, RunStore } from '../../src/ports/run-store.ts';
import type { OpenWork, WorkSource } from '../../src/ports/work-source.ts';

const PAGE = 500;
const MAX_READS_OF_A_MOVING_RUN = 20;

/** A broken promise of the engine; the numbers are those of the design ("I4: one result a step attempt"). */
export interface Violation {
  readonly invariant:
    'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I7' | 'I8' | 'I10' | 'I11' | 'agents' | 'model' | 'defect';
  readonly runId: string;
  readonly message: string;
}

/** One sending of a command. A client that repeats a command sends the same id again, as a call of its own. */
export interface ClientCall {
  readonly key: RunKey;
  readonly commandId: string;
  readonly type: Command['type'];
  readonly digest: string | undefined;
  /** An `Outcome`, as far as the client knows it. `undefined`: it never heard of its call again. */
  answer?: {
    readonly kind: Outcome['kind'];
    readonly events?: readonly EventBody[];
    readonly answer?: Json;
  };
}

/** One effect on the world outside, as the world saw it. */
export interface SinkEntry {
  readonly tenant: string;
  readonly runId: string;
  readonly step: string;
  readonly attempt: number;
  readonly idempotencyKey: string;
  readonly input: Json;
  /** Epoch ms. */
  readonly atMs: number;
}

export type CheckedStore = RunStore &
  Pick<WorkSource, 'openWork'> &
  Pick<DefinitionCatalog, 'findByHash'>;

/** One run as the store tells it, and as its history folds. */
export interface RunFacts {
  readonly key: RunKey;
  /** The history, as stored and as read. */
  readonly texts: readonly string[];
  readonly events: readonly RunEvent[];
  readonly plan: Plan;
  /** The fold of `events`. */
  readonly state: RunState;
  readonly loaded: LoadedRun;
  readonly openWork: OpenWork;
  readonly listing: RunListing | undefined;
}

export async function allRuns(store: RunStore): Promise<RunKey[]> {
  const found: RunKey[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.scanRuns(PAGE, cursor);
    found.push(...page.keys);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return found;
}

/** A run's whole history, as stored. */
export async function readTexts(store: RunStore, key: RunKey): Promise<string[]> {
  const texts: string[] = [];
  for (;;) {
    const page = await store.readHistory(key, texts.length + 1, PAGE);
    if (page.length === 0) return texts;
    texts.push(...page);
  }
}

/** Reads the parts of a run until they are of one moment: others may write meanwhile. */
export async function readFacts(
  store: CheckedStore,
  key: RunKey,
  planOf: (document: string) => Plan = compile,
): Promise<RunFacts> {
  for (let tried = 0; tried < MAX_READS_OF_A_MOVING_RUN; tried += 1) {
    const before = await store.load(key);
    const texts = await readTexts(store, key);
    const openWork = await store.openWork(key);
    const listing = await findListing(store, key);
    const loaded = await store.load(key);
    if (loaded === undefined) break;
    if (loaded.version !== before?.version) continue;
    const events = texts.map(readEvent);
    const plan = planOf(await documentOf(store, key, events));
    const state = createRunState(plan);
    for (const event of events) evolve(plan, state, event.body, event.occurredAtMs);
    return { key, texts, events, plan, state, loaded, openWork, listing };
  }
  throw new Error(`run ${key.runId} is listed, but cannot be read`);
}

async function documentOf(
  store: CheckedStore,
  key: RunKey,
  events: readonly RunEvent[],
): Promise<string> {
  const first = events[0]?.body;
  if (first?.type !== 'WorkflowStarted') throw new Error(`run ${key.runId} has no beginning`);
  const registered = await store.findByHash(key.tenant, first.definitionHash);
  if (registered === undefined) throw new Error(`run ${key.runId} has lost its definition`);
  return registered.document;
}

function compile(document: string): Plan {
  const parsed = parseDefinition(JSON.parse(document));
  if (!parsed.ok) throw new Error(`a stored definition does not compile: ${document}`);
  return parsed.plan;
}

async function findListing(store: RunStore, key: RunKey): Promise<RunListing | undefined> {
  let cursor: string | undefined;
  do {
    const page = await store.listRuns({
      tenant: key.tenant,
      limit: 50,
      ...(cursor !== undefined && { cursor }),
    });
    const found = page.runs.find((entry) => entry.key.runId === key.runId);
    if (found !== undefined) return found;
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return undefined;
}

export function violation(
  key: { readonly runId: string },
  invariant: Violation['invariant'],
  message: string,
): Violation {
  return { invariant, runId: key.runId, message };
}

export function nameOf({ tenant, runId }: RunKey): string {
  return `${tenant}/${runId}`;
}
