import {
  afterFailure,
  agentConductSchema,
  standingOf,
  withTrial,
  type AgentConduct,
  type Standing,
} from '../../domain/agent-conduct.ts';
import type { OpenBreaker } from '../../ports/breakers.ts';
import type { Clock } from '../../ports/clock.ts';
import type { KeyValueStore } from '../../ports/key-value-store.ts';
import { StoreUnavailableError } from '../../ports/run-store.ts';

const NAMESPACE = 'agent-conduct';
/** Forgiven after a day without another failure. */
const REMEMBERED_MS = 86_400_000;
const MAX_TRIES = 256;
const MAX_ERROR_CHARS = 200;

export interface AgentKey {
  readonly tenant: string;
  readonly agentId: string;
}

type BreakerPorts = { readonly store: KeyValueStore; readonly clock: Clock };

/**
 * The circuit breaker of an agent, kept in the store: its calls come through any process. An agent that fails task after
 * task would otherwise empty its queue into failures.
 */
export class AgentBreaker {
  readonly #ports: BreakerPorts;
  readonly #key: string;

  constructor(ports: BreakerPorts, { tenant, agentId }: AgentKey) {
    this.#ports = ports;
    this.#key = `${tenant}/${agentId}`;
  }

  async look(): Promise<{ readonly standing: Standing; readonly failures: number }> {
    const { conduct } = await this.#read();
    const standing = standingOf(conduct, this.#ports.clock.now());
    return { standing, failures: conduct?.failures ?? 0 };
  }

  /** Whether this call got the trial that is due. If its process dies, the next is due at `untilMs`. */
  async beginTrial(untilMs: number): Promise<boolean> {
    const nowMs = this.#ports.clock.now();
    const { conduct, revision } = await this.#read();
    if (conduct === undefined || standingOf(conduct, nowMs).kind !== 'due') return false;
    return this.#write(withTrial(conduct, { untilMs }), revision);
  }

  /** The trial has its task, or (without one) did not come about. */
  async settleTrial(trial?: { readonly task: string; readonly untilMs: number }): Promise<void> {
    await this.#change((conduct) => conduct && withTrial(conduct, trial));
  }

  /** It has the task no more, and that says nothing of it. Another may be the trial. */
  async letGo(task: string): Promise<void> {
    const { conduct } = await this.#read();
    if (conduct?.trial?.task === task) await this.settleTrial();
  }

  async succeeded(): Promise<void> {
    const { conduct } = await this.#read();
    if (conduct !== undefined) await this.#ports.store.deleteValue(NAMESPACE, this.#key);
  }

  async failed(task: string, error: string): Promise<void> {
    const nowMs = this.#ports.clock.now();
    const short = error.replaceAll(/\s+/g, ' ').slice(0, MAX_ERROR_CHARS);
    await this.#change((conduct) => afterFailure(conduct, { task, error: short, nowMs }));
  }

  async #change(
    change: (conduct: AgentConduct | undefined) => AgentConduct | undefined,
  ): Promise<void> {
    for (let tried = 0; tried < MAX_TRIES; tried += 1) {
      const { conduct, revision } = await this.#read();
      const next = change(conduct);
      if (next === undefined || (await this.#write(next, revision))) return;
    }
    throw new StoreUnavailableError(`agent "${this.#key}" reports from too many places at once`);
  }

  async #read(): Promise<{ conduct: AgentConduct | undefined; revision: number }> {
    const entry = await this.#ports.store.getValue(NAMESPACE, this.#key);
    const conduct = agentConductSchema.safeParse(entry?.value).data;
    return { conduct, revision: entry?.revision ?? 0 };
  }

  async #write(conduct: AgentConduct, expectedRevision: number): Promise<boolean> {
    const options = { ttlMs: REMEMBERED_MS, expectedRevision };
    const written = await this.#ports.store.setValue(NAMESPACE, this.#key, conduct, options);
    return written !== undefined;
  }
}

/** Agents that are held back, as breakers. */
export async function listHeldBackAgents(
  { store, clock }: BreakerPorts,
  tenant: string,
): Promise<readonly OpenBreaker[]> {
  const prefix = `${tenant}/`;
  const entries = await store.listValues(NAMESPACE);
  return entries.flatMap(({ key, value }) => {
    const conduct = agentConductSchema.safeParse(value).data;
    if (!key.startsWith(prefix) || conduct?.heldBackSinceMs === undefined) return [];
    const standing = standingOf(conduct, clock.now());
    const isTrying = standing.kind === 'held_back' && standing.isTrialUnderWay;
    return {
      target: `agent:${key.slice(prefix.length)}`,
      state: isTrying ? ('half_open' as const) : ('open' as const),
      failures: conduct.failures,
      sinceMs: conduct.heldBackSinceMs,
      nextProbeAtMs: standing.kind === 'held_back' ? standing.untilMs : clock.now(),
      lastError: conduct.lastError,
    };
  });
}
