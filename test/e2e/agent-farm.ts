import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'vitest';
import { openSqliteStore } from '../../src/adapters/sqlite/sqlite-store.ts';
import { randomIdSource } from '../../src/adapters/system/random-id-source.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { readEvent } from '../../src/domain/upcast.ts';
import type { EventBody } from '../../src/domain/events.ts';
import { checkInvariants, EarlierReads } from '../support/invariants.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { startBatonProcess, type BatonProcess, type CallAnswer } from './baton-process.ts';

/** One task for any agent that can review; held for a second from each word of its holder. */
const DEFINITION = `
name: reviewing
steps:
  - id: review
    uses: agent
    heartbeat: 1s
    with:
      capability: review
      instructions: Read it.
      output: { type: object, required: [by] }
output: { by: "\${{ steps.review.output.by }}" }
`;

export interface Claimed {
  readonly text: string;
  readonly task: string;
  readonly runId: string;
  readonly fence: number;
  readonly isRepeated: boolean;
}

/** Several `baton mcp` processes on one store file in a folder of their own. */
export class AgentFarm {
  readonly #folder = mkdtempSync(join(tmpdir(), 'baton-agents-'));
  readonly #processes: BatonProcess[] = [];
  readonly #store = join(this.#folder, 'baton.db');

  async open(): Promise<BatonProcess> {
    const process = await startBatonProcess({
      HOME: this.#folder,
      BATON_STORE: this.#store,
      BATON_LOG_FILE: join(this.#folder, 'baton.log'),
      BATON_WORKSPACE: this.#folder,
    });
    this.#processes.push(process);
    return process;
  }

  /** Starts a run of one task for an agent; answers its id. */
  async start(process: BatonProcess, idempotency_key?: string): Promise<string> {
    const registered = await process.call('register_workflow', { definition: DEFINITION });
    if (registered.isError) throw new Error(registered.text);
    const call = { workflow: 'reviewing', ...(idempotency_key && { idempotency_key }) };
    const started = await process.call('start_workflow', call);
    if (started.isError) throw new Error(started.text);
    return String(started.structured['run_id']);
  }

  /** When a process has claimed a task, of which nobody knows yet. */
  async claimed(): Promise<void> {
    await this.#comesToHold('SELECT count(*) FROM tasks WHERE owner IS NOT NULL');
  }

  /** When a claim with this cursor has been noted, just before it is answered. */
  async noted(cursor: string): Promise<void> {
    await this.#comesToHold(
      `SELECT count(*) FROM kv WHERE instr(value, '"lastClaim":{"cursor":"${cursor}"') > 0`,
    );
  }

  /** The store's file is looked at again and again, without pause. */
  async #comesToHold(count: string): Promise<void> {
    const database = new DatabaseSync(this.#store, { readOnly: true });
    const statement = database.prepare(count);
    statement.setReturnArrays(true);
    const untilMs = Date.now() + 10_000;
    try {
      while (Date.now() < untilMs) {
        // A row of one number.
        const [found] = statement.get() as unknown as [number];
        if (found > 0) return;
        await new Promise(setImmediate);
      }
    } finally {
      database.close();
    }
    throw new Error('nothing was claimed');
  }

  /** Whether somebody holds the lock of writers. */
  isLocked(): boolean {
    const database = new DatabaseSync(this.#store);
    try {
      database.exec('BEGIN IMMEDIATE; ROLLBACK');
      return false;
    } catch (error) {
      if (error instanceof Error && error.message.includes('locked')) return true;
      throw error;
    } finally {
      database.close();
    }
  }

  /** The events of a run, as the store has them. */
  async events(runId: string): Promise<EventBody[]> {
    const store = await this.#open();
    try {
      const texts = await store.readHistory({ tenant: 'default', runId }, 1, 1_000);
      return texts.map((text) => readEvent(text).body);
    } finally {
      await store.close();
    }
  }

  /** Every run is completed, by one result each, and everything that must hold of a store does. */
  async expectAllDone(runIds: readonly string[]): Promise<void> {
    const store = await this.#open();
    try {
      const earlierReads = new EarlierReads();
      const evidence = { store, clientLog: [], sinkLog: [], earlierReads, isSettled: true };
      expect(await checkInvariants(evidence)).toEqual([]);
      const { runs } = await store.listRuns({ tenant: 'default', limit: 100 });
      expect(runs.map(({ key, status }) => [key.runId, status]).sort()).toEqual(
        runIds.map((runId) => [runId, 'completed']).sort(),
      );
    } finally {
      await store.close();
    }
    for (const runId of runIds) {
      const types = (await this.events(runId)).map(({ type }) => type);
      expect(types.filter((type) => type === 'StepCompleted')).toHaveLength(1);
    }
    const database = new DatabaseSync(this.#store, { readOnly: true });
    const integrity = database.prepare('PRAGMA integrity_check').get();
    database.close();
    expect(integrity?.['integrity_check']).toBe('ok');
  }

  async close(): Promise<void> {
    for (const process of this.#processes) await process.close().catch(() => undefined);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #open() {
    return openSqliteStore({
      path: this.#store,
      clock: systemClock,
      ids: randomIdSource,
      logger: silentLogger,
    });
  }
}

/** What a claim got; `undefined`: nothing. */
export function readClaim({ text, isError }: CallAnswer): Claimed | undefined {
  if (isError) throw new Error(text);
  const task = /^task: (\S+)$/m.exec(text)?.[1];
  const runId = /step review of run (\S+)/.exec(text)?.[1];
  const fence = /fence (\d+)$/m.exec(text)?.[1];
  if (task === undefined || runId === undefined) return undefined;
  const isRepeated = text.startsWith('you hold this task already');
  return { text, task, runId, fence: Number(fence), isRepeated };
}

export async function claim(
  process: BatonProcess,
  agent_id: string,
  more: Record<string, unknown> = {},
): Promise<Claimed | undefined> {
  const args = { agent_id, capabilities: ['review'], wait_seconds: 20, ...more };
  return readClaim(await process.call('claim_task', args));
}

export async function mustClaim(
  process: BatonProcess,
  agent_id: string,
  more: Record<string, unknown> = {},
): Promise<Claimed> {
  const claimed = await claim(process, agent_id, more);
  if (claimed === undefined) throw new Error(`nothing to claim for ${agent_id}`);
  return claimed;
}

export function complete(process: BatonProcess, { task }: Claimed, by: string) {
  return process.call('report_task', { task, action: 'complete', output: { by } });
}

/**
 * Kills a process that claims, at the moment named, and claims with the same cursor elsewhere. A claim that was not noted
 * holds the task for 30 s, which is more than one call waits.
 */
export async function killWhileClaiming(
  farm: AgentFarm,
  elsewhere: BatonProcess,
  moment: 'claimed' | 'noted',
): Promise<void> {
  const claimer = await farm.open();
  const cursor = 'c1';
  const waiting = answerOrEnd(claim(claimer, 'one', { cursor }));
  const reached = moment === 'claimed' ? farm.claimed() : farm.noted(cursor);
  const [runId] = await Promise.all([farm.start(elsewhere), reached]);
  await claimer.kill();
  const answered = await waiting;
  const again =
    (await claim(elsewhere, 'one', { cursor, wait_seconds: 25 })) ??
    (await mustClaim(elsewhere, 'one', { cursor, wait_seconds: 25 }));
  expect(again.runId).toBe(runId);
  if (moment === 'noted') expect(again.isRepeated).toBe(true);
  if (answered !== undefined) expect(answered.task).toBe(again.task);
  await complete(elsewhere, again, 'one');
  await farm.expectAllDone([runId]);
}

/** What became of a call whose server is killed under it. */
export async function answerOrEnd<Answer>(call: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await call;
  } catch (error) {
    const isGone = error instanceof Error && /closed|EPIPE|not connected/i.test(error.message);
    if (isGone) return undefined;
    throw error;
  }
}
