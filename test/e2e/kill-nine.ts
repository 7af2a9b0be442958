import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'vitest';
import { openSqliteStore } from '../../src/adapters/sqlite/sqlite-store.ts';
import { randomIdSource } from '../../src/adapters/system/random-id-source.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import {
  checkInvariants,
  EarlierReads,
  type SinkEntry,
  type Violation,
} from '../support/invariants.ts';
import { createRandom } from '../simulation/random.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { startBatonProcess, type BatonProcess } from './baton-process.ts';

const RUNS = 6;
/** Longest life of a server after it is ready. */
const MAX_LIFE_MS = 1_200;
const LEASE_MS = 1_000;

/** Each step appends what a deduplicating sink would need to know. */
const EFFECT =
  'printf \'{"runId":"%s","step":"%s","attempt":%s,"idempotencyKey":"%s"}\\n\' "$BATON_RUN_ID" "$BATON_STEP" "$BATON_ATTEMPT" "$BATON_IDEMPOTENCY_KEY" >> sink.jsonl';
const command = (after = ''): string => `[sh, -c, ${JSON.stringify(EFFECT + after)}]`;

const DEFINITION = `
name: kill-nine
steps:
  - { id: first, uses: shell, with: { command: ${command()} } }
  - { id: left, uses: shell, needs: [first], with: { command: ${command('; sleep 0.2')} } }
  - { id: right, uses: shell, needs: [first], with: { command: ${command(' && [ "$BATON_ATTEMPT" -gt 1 ]')} }, retry: { maxAttempts: 3, initialDelay: 50ms } }
  - { id: pause, uses: wait, needs: [left], with: { for: 100ms } }
  - { id: join, uses: shell, needs: [pause, right], with: { command: ${command()} } }
  - { id: go, uses: signal, needs: [first], with: { name: go } }
  - { id: last, uses: shell, needs: [join, go], with: { command: ${command()} } }
output: { attempts: "\${{ steps.right.attempts }}" }
`;

export interface KillReport {
  readonly kills: number;
  readonly runs: number;
  readonly violations: readonly Violation[];
  readonly statuses: readonly string[];
  readonly integrity: string;
  readonly effects: readonly SinkEntry[];
}

/**
 * Starts runs on the built program and kills it with SIGKILL again and again at moments drawn from the seed, each time
 * starting another on the same file; then lets the last one finish, and checks everything it left.
 */
export async function killNine(kills: number, seed: number): Promise<KillReport> {
  const folder = mkdtempSync(join(tmpdir(), 'baton-kill-'));
  const random = createRandom(seed);
  const environment = {
    HOME: folder,
    BATON_STORE: join(folder, 'baton.db'),
    BATON_LOG_FILE: join(folder, 'baton.log'),
    BATON_WORKSPACE: folder,
    BATON_SHELL_ALLOW: 'sh',
    BATON_WORKER_LEASE_DURATION_MS: String(LEASE_MS),
  };
  try {
    const accepted = new Map<string, string>();
    for (let kill = 0; kill < kills; kill += 1) {
      const server = await startBatonProcess(environment);
      // Requests are under way when the kill comes: some are answered, some are not.
      const requests = request(server, accepted, kill);
      await setTimeout(random.next() * MAX_LIFE_MS);
      await server.kill();
      await requests;
    }
    const last = await startBatonProcess(environment);
    await request(last, accepted, kills);
    const statuses = await finish(last, accepted);
    await last.close();
    return { kills, runs: accepted.size, statuses, ...(await examine(folder)) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Repeats every unanswered request with its key, as a careful client does after a lost connection. */
async function request(
  server: BatonProcess,
  accepted: Map<string, string>,
  round: number,
): Promise<void> {
  try {
    await server.call('register_workflow', { definition: DEFINITION });
    for (let run = 0; run < Math.min(RUNS, round + 2); run += 1) {
      const key = `run-${run}`;
      const started = await server.call('start_workflow', {
        workflow: 'kill-nine',
        idempotency_key: key,
      });
      if (started.isError) throw new Error(started.text);
      const runId = String(started.structured['run_id']);
      const earlier = accepted.get(key);
      if (earlier !== undefined && earlier !== runId) throw new Error(`${key} gave two runs`);
      accepted.set(key, runId);
      await server.call('signal_workflow', { run_id: runId, name: 'go', idempotency_key: 'go' });
    }
  } catch (error) {
    // The server was killed under the call; anything else is a finding.
    if (!isConnectionLoss(error)) throw error;
  }
}

function isConnectionLoss(error: unknown): boolean {
  return (
    error instanceof Error && /closed|EPIPE|not connected/i.test(`${error.name} ${error.message}`)
  );
}

async function finish(server: BatonProcess, accepted: Map<string, string>): Promise<string[]> {
  const statuses: string[] = [];
  for (const runId of accepted.values())
    for (let cursor: unknown; ;) {
      const seen = await server.call('await_workflow', {
        run_id: runId,
        wait_seconds: 20,
        ...(cursor !== undefined && { cursor }),
      });
      cursor = seen.structured['next_cursor'];
      if (seen.structured['finished'] !== true && !seen.isError) continue;
      statuses.push(seen.isError ? seen.text : String(seen.structured['status']));
      break;
    }
  return statuses;
}

async function examine(
  folder: string,
): Promise<Pick<KillReport, 'violations' | 'integrity' | 'effects'>> {
  const path = join(folder, 'baton.db');
  const sink = join(folder, 'sink.jsonl');
  const lines = existsSync(sink) ? readFileSync(sink, 'utf8').trim().split('\n') : [];
  const effects = lines.map((line) => ({
    tenant: 'default',
    input: null,
    atMs: 0,
    ...(JSON.parse(line) as Pick<SinkEntry, 'runId' | 'step' | 'attempt' | 'idempotencyKey'>), // written by EFFECT above
  }));
  const store = await openSqliteStore({
    path,
    clock: systemClock,
    ids: randomIdSource,
    logger: silentLogger,
  });
  const violations = await checkInvariants({
    store,
    clientLog: [],
    sinkLog: effects,
    earlierReads: new EarlierReads(),
    isSettled: true,
  });
  await store.close();
  const database = new DatabaseSync(path, { readOnly: true });
  const integrity = String(database.prepare('PRAGMA integrity_check').get()?.['integrity_check']);
  database.close();
  return { violations, integrity, effects };
}

/** The checks that every kill test makes, whatever its size. */
export function expectNothingLost(report: KillReport): void {
  expect(report.violations).toEqual([]);
  expect(report.integrity).toBe('ok');
  expect(report.statuses).toEqual(report.statuses.map(() => 'completed'));
  expect(report.runs).toBe(RUNS);
  const keysOf = (step: string): Set<string> =>
    new Set(
      report.effects
        .filter((effect) => effect.step === step)
        .map((effect) => effect.idempotencyKey),
    );
  // Every step of every run had its effect, all attempts of one step under one key.
  for (const step of ['first', 'left', 'right', 'join', 'last'])
    expect(keysOf(step).size).toBe(RUNS);
}
