import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import type { Readable, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../src/adapters/sqlite/sqlite-store.ts';
import { randomIdSource } from '../../src/adapters/system/random-id-source.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import type { Store } from '../../src/ports/store.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { commit, event, runKey } from './fixture.ts';
import { listed } from './listing.ts';
import { createVersionOneFile } from './version-one-file.ts';

const SCRIPT = join(import.meta.dirname, 'store-process.ts');

/** Looking at the file in two moments instead of one, some of so many were refused in nearly every run. */
const WATCHED_FILES = 40;

interface StoreProcess {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  /** Its next line. */
  readonly next: () => Promise<unknown>;
  /** Its lines, until it ends. */
  readonly lines: AsyncIterableIterator<string>;
  readonly ended: Promise<unknown>;
}

let path: string;
let directory: string;
const started: StoreProcess[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'baton-processes-'));
  path = join(directory, 'baton.sqlite');
});

afterEach(async () => {
  for (const { child, ended } of started.splice(0)) {
    child.kill('SIGKILL');
    await ended;
  }
  rmSync(directory, { recursive: true });
});

function start(program: string, ...args: string[]): StoreProcess {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const process = {
    child,
    lines,
    ended: once(child, 'close'),
    next: async (): Promise<unknown> => {
      const line = await lines.next();
      if (line.done === true) throw new Error('the process ended without a word');
      return JSON.parse(line.value);
    },
  };
  started.push(process);
  return process;
}

function open(file = path): Promise<Store> {
  return openSqliteStore({
    path: file,
    clock: systemClock,
    ids: randomIdSource,
    logger: silentLogger,
  });
}

function integrity(): unknown {
  const db = new DatabaseSync(path);
  try {
    return db.prepare('PRAGMA integrity_check').all();
  } finally {
    db.close();
  }
}

function count(table: string): unknown {
  const db = new DatabaseSync(path);
  try {
    return db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n'];
  } finally {
    db.close();
  }
}

describe('several processes on one SQLite file', () => {
  it.each([
    ['a new file', () => undefined],
    ['a file of the first version', () => createVersionOneFile(path)],
  ])('create every run once and work off every task once, on %s', async (_, prepare) => {
    prepare();
    const rivals = ['one', 'two'].map((owner) =>
      start(process.execPath, SCRIPT, 'race', path, owner),
    );
    const reports = await Promise.all(rivals.map(({ next }) => next()));
    const all = (kind: string): string[] =>
      // The process says what `race` in store-process.ts says.
      (reports as Record<string, string[]>[]).flatMap((report) => report[kind] ?? []).sort();
    const expected = Array.from({ length: 200 }, (_, at) => `run-${at}`).sort();
    expect(all('created')).toEqual(expected);
    expect(all('completed')).toEqual(expected);

    const store = await open();
    for (const runId of expected)
      expect(await store.load(runKey(runId))).toEqual({ version: 2, tail: [event(1), event(2)] });
    expect((await store.queueDepths()).filter(({ queue }) => queue === 'q')).toEqual([]);
    await store.close();
    expect(count('artifacts')).toBe(expected.length);
    expect(integrity()).toEqual([{ integrity_check: 'ok' }]);
  });

  it.each([
    ['created', () => undefined],
    ['migrated', createVersionOneFile],
  ])('never take a file for foreign or damaged while another has it %s', async (_, prepare) => {
    const looker = start(process.execPath, SCRIPT, 'look', path);
    for (let at = 0; at < WATCHED_FILES; at += 1) {
      const file = join(directory, `${at}.sqlite`);
      prepare(file);
      looker.child.stdin.write(`${file}\n`);
      expect(await looker.next()).toEqual({ looking: file });
      const store = await open(file);
      writeFileSync(`${file}.ready`, '');
      await store.close();
      expect(await looker.next()).toEqual({ refusals: [] });
    }
  });

  it('lose nothing acknowledged when one is killed in the middle', async () => {
    const writer = start(process.execPath, SCRIPT, 'endless', path, 'one');
    const acknowledged: string[] = [];
    const artifacts: string[] = [];
    for await (const line of writer.lines) {
      // A kill may cut the last line; what was not read whole was not heard.
      if (!line.endsWith('}')) break;
      // The process says what `endless` in store-process.ts says.
      const { created, artifact } = JSON.parse(line) as { created: string; artifact: string };
      acknowledged.push(created);
      artifacts.push(artifact);
      if (acknowledged.length === 300) writer.child.kill('SIGKILL');
    }
    await writer.ended;
    expect(acknowledged.length).toBeGreaterThanOrEqual(300);

    const store = await open();
    for (const runId of acknowledged)
      expect(await store.load(runKey(runId))).toEqual({ version: 2, tail: [event(1), event(2)] });
    for (const [at, runId] of acknowledged.entries()) {
      const kept = await store.getArtifact(runKey(runId), artifacts[at] ?? '');
      expect(Buffer.from(kept?.content ?? []).toString()).toBe(`artifact of ${runId}`);
    }
    // Whole commits only: every run there is has its events, its mark and its task.
    const { keys } = await store.scanRuns(100_000);
    const marked = await listed(store, { limit: 1_000, mark: 'awaits_person' });
    expect(marked.sort()).toEqual(keys.map(({ runId }) => runId).sort());
    const depths = await store.queueDepths();
    expect(depths).toMatchObject([{ queue: 'q', waiting: keys.length, leased: 0 }]);
    await commit(store, runKey('afterwards'), 0);
    await store.close();
    expect(integrity()).toEqual([{ integrity_check: 'ok' }]);
  });

  it('answer unavailable while the disk is full, then go on without loss', async () => {
    // No file of this process may grow beyond 2 MiB (or 4, where the shell counts in KiB).
    const limited = 'ulimit -f 4096; exec "$@"';
    const args = [process.execPath, SCRIPT, 'fill', path, 'one'];
    const writer = start('sh', '-c', limited, 'sh', ...args);
    // The process says what `fill` in store-process.ts says.
    const full = (await writer.next()) as { version: number; kind: string; readable: number };
    expect(full.kind).toBe('storeUnavailable');
    expect(full.version).toBeGreaterThan(5);
    expect(full.readable).toBe(full.version);

    // Another process folds the log into the database: the log starts anew, there is space again.
    const db = new DatabaseSync(path);
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    db.close();
    writer.child.stdin.write('go on\n');
    expect(await writer.next()).toMatchObject({ kind: 'committed', version: full.version + 1 });
    await writer.ended;

    const store = await open();
    const history = await store.readHistory(runKey('run-1'), 1, 10_000);
    expect(history).toHaveLength(full.version + 1);
    expect(history.at(-1)).toBe(event(full.version + 1));
    await store.close();
    expect(integrity()).toEqual([{ integrity_check: 'ok' }]);
  });
});
