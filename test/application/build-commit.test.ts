import { describe, expect, it } from 'vitest';
import { buildCommit } from '../../src/application/commands/build-commit.ts';
import type { CachedRun } from '../../src/application/commands/run-cache.ts';
import type { Command } from '../../src/domain/commands.ts';
import { decide } from '../../src/domain/decide.ts';
import { evolve } from '../../src/domain/evolve.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { createRunState, draftOf, readSnapshot } from '../../src/domain/state.ts';
import type { CommitRequest } from '../../src/ports/run-store.ts';
import {
  cancel,
  complete,
  fail,
  pause,
  planOf,
  retry,
  signal,
  start,
  START_MS,
  work,
  workflow,
} from '../support/given.ts';

const key = { tenant: 'default', runId: 'run1' };
const context = { nowMs: START_MS, random: () => 0.5, env: {}, runBytes: 0 };

interface Bytes {
  readonly history: number;
  readonly snapshots: number;
  readonly newestSnapshot: number;
}

/** A run whose commits nobody stores: only what they would say counts. */
class Committed {
  readonly run: CachedRun;
  readonly requests: CommitRequest[] = [];

  constructor(definition: JsonObject) {
    const plan = planOf(definition);
    this.run = { plan, state: createRunState(plan), tailBytes: 0, snapshotBytes: 0 };
  }

  send(...commands: readonly Command[]): CommitRequest {
    const { run } = this;
    const draft = draftOf(run.state);
    const decided = commands.map((command, at) => {
      const ruling = decide(run.plan, draft, command, context);
      if (ruling.kind === 'rejected') throw new Error(ruling.rejection.message);
      for (const event of ruling.events) evolve(run.plan, draft, event, START_MS);
      const envelope = {
        command,
        commandId: `${command.type}${at}`,
        actor: 'test',
        causationId: 'test',
      };
      return { envelope, events: ruling.events, isUnfinished: ruling.isUnfinished };
    });
    const built = buildCommit({ key, run, draft, commands: decided, nowMs: START_MS });
    draft.apply();
    run.tailBytes = built.tailBytes;
    run.snapshotBytes = built.snapshotBytes;
    this.requests.push(built.request);
    return built.request;
  }

  bytes(): Bytes {
    let [history, snapshots, newestSnapshot] = [0, 0, 0];
    for (const { events, snapshot } of this.requests) {
      for (const event of events) history += event.length;
      snapshots += snapshot?.data.length ?? 0;
      newestSnapshot = snapshot?.data.length ?? newestSnapshot;
    }
    return { history, snapshots, newestSnapshot };
  }
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, at) => `s${at}`);
const chainOf = (count: number) =>
  workflow(ids(count).map((id, at) => work(id, at === 0 ? {} : { needs: [`s${at - 1}`] })));
const wideOf = (count: number) => workflow(ids(count).map((id) => work(id)));

function runToEnd(definition: JsonObject, count: number): Bytes {
  const committed = new Committed(definition);
  committed.send(start());
  for (const id of ids(count)) committed.send(complete(id, { of: id }));
  expect(committed.run.state.run.status).toBe('completed');
  return committed.bytes();
}

describe('the cost of a run', () => {
  it.each([
    ['a chain', chainOf],
    ['a wide run', wideOf],
  ])('in bytes grows linearly with its steps: %s', (_, definitionOf) => {
    const small = runToEnd(definitionOf(2_000), 2_000);
    const large = runToEnd(definitionOf(4_000), 4_000);
    expect(large.history / small.history).toBeLessThan(2.1);
    for (const { history, snapshots, newestSnapshot } of [small, large]) {
      // Each snapshot is paid for by a tail that outweighs it; only the newest one is not yet.
      expect(snapshots - newestSnapshot).toBeLessThan(history);
      expect(newestSnapshot).toBeLessThan(history);
      expect(newestSnapshot).toBeGreaterThan(0);
    }
  });
});

describe('snapshots', () => {
  it('are not written for short runs', () => {
    const committed = new Committed(chainOf(20));
    committed.send(start());
    for (const id of ids(20)) committed.send(complete(id));
    expect(committed.bytes().snapshots).toBe(0);
  });

  it('are written when the tail outweighs the last one, and stand for the version they are written with', () => {
    const committed = new Committed(wideOf(2_000));
    committed.send(start());
    let tail = committed.bytes().history;
    let last = 0;
    for (const id of ids(2_000)) {
      const { snapshot, events } = committed.send(complete(id, { of: id }));
      tail += events.reduce((sum, event) => sum + event.length, 0);
      expect(snapshot !== undefined).toBe(tail >= Math.max(32_768, last));
      if (snapshot === undefined) continue;
      expect(snapshot.version).toBe(committed.run.state.run.version);
      expect(readSnapshot(snapshot.data)?.run.version).toBe(snapshot.version);
      [tail, last] = [0, snapshot.data.length];
    }
  });
});

describe('a commit of several commands', () => {
  it('numbers the events of all of them without a gap', () => {
    const committed = new Committed(wideOf(3));
    const request = committed.send(start(), signal('x'), complete('s0'));
    const sequences = request.events.map(
      (event) => (JSON.parse(event) as { sequence: number }).sequence,
    );
    expect(sequences).toEqual([1, 2, 3, 4]);
    expect(request.expectedVersion).toBe(0);
    expect(committed.send(signal('y')).expectedVersion).toBe(4);
  });

  it('recalls only what is still held when all of them are done', () => {
    const committed = new Committed(wideOf(3));
    committed.send(start());
    expect(committed.send(cancel, complete('s1')).recall).toEqual(['s0', 's2']);
  });

  it('does not set a timer that a later command takes back', () => {
    const committed = new Committed(workflow([work('a', retry(2))]));
    committed.send(start());
    const request = committed.send(fail('a'), cancel);
    expect(request.timers).toEqual([]);
    expect(request.cancelTimers).toEqual(['retry:a#1']);
  });

  it('writes the index entry of the status that they leave', () => {
    const committed = new Committed(wideOf(1));
    expect(committed.send(start(), pause).index).toMatchObject({
      name: 'example',
      status: 'paused',
    });
    expect(committed.send(signal('x')).index).toBeUndefined();
  });
});
