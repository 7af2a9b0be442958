import { z } from 'zod';
import type { Clock } from '../../ports/clock.ts';
import type { KeyValueStore } from '../../ports/key-value-store.ts';
import { StoreUnavailableError } from '../../ports/run-store.ts';

const AGENTS_NAMESPACE = 'agents';
/** An agent that was not seen for this long is forgotten. */
const REMEMBERED_MS = 30 * 86_400_000;
/** An agent counts as there for this long after its last call: as long as it may hold a task without a word. */
export const AGENT_PRESENCE_MS = 900_000;
/** A call does not write when another was noted this recently. */
const NOTED_EVERY_MS = 30_000;
/** An agent that begins 64 tasks at once notes 64 claims, of which each round lets one through. */
const MAX_TRIES = 256;
/** More than the failures that hold an agent back. */
const MAX_UNSETTLED = 8;
/**
 * More than these are not read anew for every remark on whether somebody is there: a list of 10,000 takes some 60 ms of a
 * process's time, and every start of a run with agent steps asks for it.
 */
export const MANY_AGENTS = 500;
const MANY_AGENTS_AGE_MS = 5_000;

const agentRecordSchema = z.object({
  agentId: z.string(),
  capabilities: z.array(z.string()),
  description: z.string().optional(),
  /** What the client that speaks for it calls itself. */
  client: z.string(),
  registeredAtMs: z.number(),
  lastSeenAtMs: z.number(),
  /** The task it was given last and the cursor of that call, so that a lost answer can be repeated. */
  lastClaim: z
    .object({ cursor: z.string(), task: z.string(), isRepeated: z.boolean().optional() })
    .optional(),
  /** The newest tasks it was given of which it has not failed: whether it let one lapse is looked up after `untilMs`. */
  unsettled: z.array(z.object({ task: z.string(), untilMs: z.number() })).optional(),
});
/** What an agent said of itself, and when it was last heard. No proof of anything. */
export type AgentRecord = Readonly<z.infer<typeof agentRecordSchema>>;

type RegistryPorts = { readonly store: KeyValueStore; readonly clock: Clock };

export function isPresent(agent: AgentRecord, nowMs: number): boolean {
  return nowMs - agent.lastSeenAtMs < AGENT_PRESENCE_MS;
}

/** Every agent seen in the last 30 days, by id. */
export async function listAgents(store: KeyValueStore, tenant: string): Promise<AgentRecord[]> {
  const entries = await store.listValues(AGENTS_NAMESPACE);
  const own = entries.filter(({ key }) => key.startsWith(`${tenant}/`));
  return own.flatMap(({ value }) => agentRecordSchema.safeParse(value).data ?? []);
}

interface AgentsReading {
  readonly atMs: number;
  readonly agents: Promise<readonly AgentRecord[]>;
  areMany: boolean;
}

/** By tenant. */
const readingsOf = new WeakMap<KeyValueStore, Map<string, AgentsReading>>();

/**
 * As `listAgents`, for remarks and not for decisions: of more than MANY_AGENTS, what another process noted in the last 5 s
 * may be missing. What this process registered is there.
 */
export function recentAgents(
  { store, clock }: RegistryPorts,
  tenant: string,
): Promise<readonly AgentRecord[]> {
  const readings = readingsOf.get(store) ?? new Map<string, AgentsReading>();
  readingsOf.set(store, readings);
  const last = readings.get(tenant);
  const nowMs = clock.now();
  if (last?.areMany && nowMs - last.atMs < MANY_AGENTS_AGE_MS) return last.agents;
  const agents = listAgents(store, tenant);
  // Whoever asks while many are read again waits for the same reading.
  const reading = { atMs: nowMs, agents, areMany: last?.areMany ?? false };
  readings.set(tenant, reading);
  agents.then(
    (found) => (reading.areMany = found.length > MANY_AGENTS),
    () => readings.get(tenant) === reading && readings.delete(tenant),
  );
  return agents;
}

/**
 * Registers the agent or notes that it is there; what the change leaves out stays. Writes only when there is something
 * to say. Two calls at once both count.
 */
export async function noteAgent(
  { store, clock }: RegistryPorts,
  agent: { readonly tenant: string; readonly agentId: string },
  change: Partial<Pick<AgentRecord, 'capabilities' | 'description' | 'client' | 'lastClaim'>>,
  claimedUntilMs?: number,
): Promise<AgentRecord> {
  const key = `${agent.tenant}/${agent.agentId}`;
  for (let tried = 0; tried < MAX_TRIES; tried += 1) {
    const entry = await store.getValue(AGENTS_NAMESPACE, key);
    const before = agentRecordSchema.safeParse(entry?.value).data;
    const nowMs = clock.now();
    // Parsed, so that its keys stand in the order of the schema, as they do in what was read.
    const record: AgentRecord = agentRecordSchema.parse({
      capabilities: [],
      client: 'unknown',
      registeredAtMs: nowMs,
      ...before,
      ...change,
      unsettled: withClaim(before?.unsettled, change.lastClaim?.task, claimedUntilMs),
      agentId: agent.agentId,
      lastSeenAtMs: nowMs,
    });
    if (before !== undefined && saysNothingNew(before, record)) return before;
    const options = { ttlMs: REMEMBERED_MS, expectedRevision: entry?.revision ?? 0 };
    const written = await store.setValue(AGENTS_NAMESPACE, key, record, options);
    if (written === undefined) continue;
    if (!saysTheSame(before, record)) readingsOf.get(store)?.delete(agent.tenant);
    return record;
  }
  throw tooManyPlaces(agent.agentId);
}

/** To those who ask whether somebody is there. */
function saysTheSame(before: AgentRecord | undefined, after: AgentRecord): boolean {
  return (
    before !== undefined &&
    after.lastSeenAtMs - before.lastSeenAtMs < AGENT_PRESENCE_MS &&
    before.capabilities.join() === after.capabilities.join()
  );
}

/**
 * Decides between a repetition of the agent's last claim and taking it back, of which only the first to come is answered
 * `true`: a task that the agent was told of by another call is not given back behind its back.
 */
export async function settleLastClaim(
  { store }: Pick<RegistryPorts, 'store'>,
  agent: { readonly tenant: string; readonly agentId: string },
  task: string,
  to: 'repeated' | 'withdrawn',
): Promise<boolean> {
  const key = `${agent.tenant}/${agent.agentId}`;
  for (let tried = 0; tried < MAX_TRIES; tried += 1) {
    const entry = await store.getValue(AGENTS_NAMESPACE, key);
    const before = agentRecordSchema.safeParse(entry?.value).data;
    if (entry === undefined || before?.lastClaim?.task !== task) return false;
    const { lastClaim, ...rest } = before;
    if (lastClaim.isRepeated === true) return to === 'repeated';
    const unsettled = before.unsettled?.filter((claim) => claim.task !== task);
    const record =
      to === 'repeated'
        ? { ...before, lastClaim: { ...lastClaim, isRepeated: true } }
        : { ...rest, ...(unsettled && { unsettled }) };
    const options = { ttlMs: REMEMBERED_MS, expectedRevision: entry.revision };
    const written = await store.setValue(AGENTS_NAMESPACE, key, record, options);
    if (written !== undefined) return true;
  }
  throw tooManyPlaces(agent.agentId);
}

/** Changes the list of tasks that the agent may have let lapse. */
export async function changeUnsettled(
  { store }: Pick<RegistryPorts, 'store'>,
  agent: { readonly tenant: string; readonly agentId: string },
  change: (claims: Unsettled) => Unsettled,
): Promise<void> {
  const key = `${agent.tenant}/${agent.agentId}`;
  for (let tried = 0; tried < MAX_TRIES; tried += 1) {
    const entry = await store.getValue(AGENTS_NAMESPACE, key);
    const before = agentRecordSchema.safeParse(entry?.value).data;
    if (entry === undefined || before?.unsettled === undefined) return;
    const record = { ...before, unsettled: [...change(before.unsettled)] };
    const options = { ttlMs: REMEMBERED_MS, expectedRevision: entry.revision };
    if ((await store.setValue(AGENTS_NAMESPACE, key, record, options)) !== undefined) return;
  }
  throw tooManyPlaces(agent.agentId);
}

type Unsettled = readonly { readonly task: string; readonly untilMs: number }[];

function withClaim(
  unsettled: AgentRecord['unsettled'],
  task: string | undefined,
  untilMs: number | undefined,
): AgentRecord['unsettled'] {
  if (task === undefined || untilMs === undefined) return unsettled;
  const others = (unsettled ?? []).filter((claim) => claim.task !== task);
  return [...others, { task, untilMs }].slice(-MAX_UNSETTLED);
}

function saysNothingNew(before: AgentRecord, after: AgentRecord): boolean {
  const isRecent = after.lastSeenAtMs - before.lastSeenAtMs < NOTED_EVERY_MS;
  const lastSeenAtMs = 0;
  return (
    isRecent &&
    JSON.stringify({ ...before, lastSeenAtMs }) === JSON.stringify({ ...after, lastSeenAtMs })
  );
}

function tooManyPlaces(agentId: string): StoreUnavailableError {
  return new StoreUnavailableError(`agent "${agentId}" is registered from too many places at once`);
}
