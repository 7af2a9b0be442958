import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
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

const SCRIPT = join(import.meta.dirname, 'store-process.ts');

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

function open(): Promise<Store> {
  return openSqliteStore({ path, clock: systemClock, ids: randomIdSource, logger: silentLogger });
}

function integrity(): unknown {
  const db = new DatabaseSync(path);
  try {
    return db.prepare('PRAGMA integrity_check').all();
  } finally {
    db.close();
  }
}

describe('several processes on one SQLite file', () => {
  it('create every run once and work off every task once', async () => {
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
    expect(await store.queueDepths()).toEqual([]);
    await store.close();
    expect(integrity()).toEqual([{ integrity_check: 'ok' }]);
  });

  it('lose nothing acknowledged when one is killed in the middle', async () => {
    const writer = start(process.execPath, SCRIPT, 'endless', path, 'one');
    const acknowledged: string[] = [];
    for await (const line of writer.lines) {
      // A kill may cut the last line; what was not read whole was not heard.
      if (!line.endsWith('}')) break;
      acknowledged.push((JSON.parse(line) as { created: string }).created);
      if (acknowledged.length === 300) writer.child.kill('SIGKILL');
    }
    await writer.ended;
    expect(acknowledged.length).toBeGreaterThanOrEqual(300);

    const store = await open();
    for (const runId of acknowledged)
      expect(await store.load(runKey(runId))).toEqual({ version: 2, tail: [event(1), event(2)] });
    // Whole commits only: every run there is has its events and its task.
    const { keys } = await store.scanRuns(100_000);
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
