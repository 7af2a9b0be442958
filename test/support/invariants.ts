import type { Plan } from '../../src/domain/plan.ts';
import type { RunKey } from '../../src/ports/run-store.ts';
import { checkCall, checkEffect, checkUnsafeEffects } from './outside-checks.ts';
import { checkRun } from './run-checks.ts';
import {
  allRuns,
  nameOf,
  readFacts,
  violation,
  type CheckedStore,
  type ClientCall,
  type RunFacts,
  type SinkEntry,
  type Violation,
} from './run-facts.ts';

export { readTexts } from './run-facts.ts';
export type { ClientCall, RunFacts, SinkEntry, Violation } from './run-facts.ts';

export interface Evidence {
  readonly store: CheckedStore;
  readonly clientLog: readonly ClientCall[];
  readonly sinkLog: readonly SinkEntry[];
  readonly earlierReads: EarlierReads;
  /** Faults have stopped and all decisions are made: every run must have ended, and left no work behind. */
  readonly isSettled: boolean;
  /** Compiles a definition; by default anew each time. */
  readonly planOf?: (document: string) => Plan;
  /** Further checks of a kind of test's own. */
  readonly inspect?: (run: RunFacts) => readonly Violation[];
}

/** Remembers what was read of histories, to show later that nothing of it has changed. */
export class EarlierReads {
  readonly #texts = new Map<string, string[]>();

  /** Answers what contradicts an earlier read. */
  compare(key: RunKey, texts: readonly string[]): Violation[] {
    const name = `${key.tenant}/${key.runId}`;
    const earlier = this.#texts.get(name) ?? [];
    const changed = earlier.findIndex((text, at) => texts[at] !== text);
    if (changed >= 0)
      return [violation(key, 'I2', `event ${changed + 1} is not what it was when read before`)];
    this.#texts.set(name, [...texts]);
    return [];
  }
}

/**
 * Checks everything that must hold of a store, whatever happened to the processes on it, against what clients and the
 * outside world saw. Reads only. Answers every violation; [] means that all invariants hold.
 */
export async function checkInvariants(evidence: Evidence): Promise<Violation[]> {
  const violations: Violation[] = [];
  const facts = new Map<string, RunFacts>();
  for (const key of await allRuns(evidence.store)) {
    const run = await readFacts(evidence.store, key, evidence.planOf);
    facts.set(nameOf(key), run);
    violations.push(...evidence.earlierReads.compare(key, run.texts));
    violations.push(...checkRun(run, evidence), ...(evidence.inspect?.(run) ?? []));
  }
  for (const call of evidence.clientLog)
    violations.push(...(await checkCall(evidence, call, facts.get(nameOf(call.key)))));
  for (const entry of evidence.sinkLog)
    violations.push(...checkEffect(entry, facts.get(nameOf(entry))));
  return [...violations, ...checkUnsafeEffects(evidence.sinkLog, facts)];
}
