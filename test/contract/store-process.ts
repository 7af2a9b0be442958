/**
 * A process that works on a shared database file, started by sqlite-processes.test.ts:
 * `node store-process.ts <race|endless|fill|look> <file> <owner>`. Says what it did in lines of JSON.
 */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { randomIdSource } from '../../src/adapters/system/random-id-source.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { inspectFile } from '../../src/adapters/sqlite/inspect-file.ts';
import { isBusy } from '../../src/adapters/sqlite/sqlite-failure.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/sqlite-store.ts';
import type { RunMark } from '../../src/ports/run-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { command, commit, event, request, runKey, task } from './fixture.ts';

const RACED_RUNS = 200;
const RACED_ARTIFACT = { mediaType: 'text/plain', content: Buffer.from('the same of both') };
const FILL_CHARS = 65_536;

const [mode, path = '', owner = ''] = process.argv.slice(2);

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Creates the same runs as its rival, then works off the tasks of all of them. */
async function race(store: Store): Promise<void> {
  const created: string[] = [];
  const creations = Array.from({ length: RACED_RUNS }, async (_, at) => {
    const key = runKey(`run-${at}`);
    const start = { id: 'start', digest: 'same', answer: owner };
    const result = await store.commit(request(key, 0, { commands: [start], enqueue: [task('a')] }));
    await store.putArtifact(key, RACED_ARTIFACT);
    if (result.kind === 'committed') created.push(key.runId);
    else if (result.kind !== 'duplicate') throw new Error(JSON.stringify(result));
  });
  await Promise.all(creations);
  say({ created, completed: await workOff(store) });
}

async function workOff(store: Store): Promise<string[]> {
  const completed: string[] = [];
  const ask = { owner, queues: ['q'], limit: 4, leaseDurationMs: 60_000 };
  for (;;) {
    const { work } = await store.claimTasks(ask);
    if (work.length === 0) return completed;
    await Promise.all(
      work.map(async ({ lease, runVersion }) => {
        const done = command({ id: `done by ${owner}`, acknowledge: lease });
        await commit(store, lease.key, runVersion, { commands: [done] });
        completed.push(lease.key.runId);
      }),
    );
  }
}

/** Says a run's and its artifact's id as soon as both were acknowledged, until it is killed. */
async function createEndlessly(store: Store): Promise<void> {
  const marks: RunMark[] = ['awaits_person'];
  const index = { name: 'n', status: 'running', startedAtMs: 1, marks };
  const line = async (lane: number): Promise<never> => {
    for (let at = 0; ; at += 1) {
      const key = runKey(`run-${lane}-${at}`);
      await commit(store, key, 0, { events: [event(1), event(2)], enqueue: [task('a')], index });
      const content = Buffer.from(`artifact of ${key.runId}`);
      const artifact = await store.putArtifact(key, { mediaType: 'text/plain', content });
      say({ created: key.runId, artifact });
    }
  };
  await Promise.all([0, 1, 2, 3].map(line));
}

/** Writes until the disk is full, waits for a word that there is space again, goes on. */
async function fill(store: Store): Promise<void> {
  const key = runKey('run-1');
  const text = 'x'.repeat(FILL_CHARS);
  for (let version = 0; ; version += 1) {
    const result = await store.commit(
      request(key, version, { events: [event(version + 1, text)] }),
    );
    if (result.kind === 'committed') continue;
    say({ version, ...result, readable: (await store.load(key))?.version });
    await once(process.stdin, 'data');
    say(await store.commit(request(key, version)));
    return;
  }
}

/**
 * Looks at the file of every line it is given, again and again, as who opens it does first, until a file `.ready` lies
 * beside it. Says that it began, and every refusal.
 */
async function lookAtEach(): Promise<void> {
  for await (const file of createInterface({ input: process.stdin })) {
    const refusals = new Set<string>();
    say({ looking: file });
    while (!existsSync(`${file}.ready`)) look(file, refusals);
    say({ refusals: [...refusals] });
  }
}

function look(file: string, refusals: Set<string>): void {
  try {
    inspectFile(file);
  } catch (error) {
    if (!isBusy(error)) refusals.add(String(error));
  }
}

if (mode === 'look') await lookAtEach();
const store = await openSqliteStore({
  path,
  clock: systemClock,
  ids: randomIdSource,
  logger: silentLogger,
});
if (mode === 'race') await race(store);
else if (mode === 'endless') await createEndlessly(store);
else await fill(store);
await store.close();
process.stdin.destroy();
