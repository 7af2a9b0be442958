import { z } from 'zod';
import type { Clock } from '../ports/clock.ts';
import type { KeyValueStore } from '../ports/key-value-store.ts';
import { StoreUnavailableError } from '../ports/run-store.ts';

const AGENTS_NAMESPACE = 'agents';
/** An agent that was not seen for this long is forgotten. */
const REMEMBERED_MS = 30 * 86_400_000;
/** An agent counts as there for this long after its last call: as long as it may hold a task without a word. */
export const AGENT_PRESENCE_MS = 900_000;
/** A call does not write when another was noted this recently. */
const NOTED_EVERY_MS = 30_000;
/** An agent that begins 64 tasks at once notes 64 claims, of which each round lets one through. */
const MAX_TRIES = 256;

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

/**
 * Registers the agent or notes that it is there; what the change leaves out stays. Writes only when there is something
 * to say. Two calls at once both count.
 */
export async function noteAgent(
  { store, clock }: RegistryPorts,
  agent: { readonly tenant: string; readonly agentId: string },
  change: Partial<Pick<AgentRecord, 'capabilities' | 'description' | 'client' | 'lastClaim'>>,
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
      agentId: agent.agentId,
      lastSeenAtMs: nowMs,
    });
    if (before !== undefined && saysNothingNew(before, record)) return before;
    const options = { ttlMs: REMEMBERED_MS, expectedRevision: entry?.revision ?? 0 };
    const written = await store.setValue(AGENTS_NAMESPACE, key, record, options);
    if (written !== undefined) return record;
  }
  throw tooManyPlaces(agent.agentId);
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
    const record =
      to === 'repeated' ? { ...before, lastClaim: { ...lastClaim, isRepeated: true } } : rest;
    const options = { ttlMs: REMEMBERED_MS, expectedRevision: entry.revision };
    const written = await store.setValue(AGENTS_NAMESPACE, key, record, options);
    if (written !== undefined) return true;
  }
  throw tooManyPlaces(agent.agentId);
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
