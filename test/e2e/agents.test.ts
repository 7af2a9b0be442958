import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRandom } from '../simulation/random.ts';
import {
  AgentFarm,
  answerOrEnd,
  claim,
  complete,
  killWhileClaiming,
  mustClaim,
  readClaim,
} from './agent-farm.ts';
import type { BatonProcess } from './baton-process.ts';

let farm: AgentFarm;
let first: BatonProcess;
let second: BatonProcess;
const stopped = new Set<number>();

beforeEach(async () => {
  farm = new AgentFarm();
  [first, second] = await Promise.all([farm.open(), farm.open()]);
});

afterEach(async () => {
  for (const pid of stopped) process.kill(pid, 'SIGCONT');
  stopped.clear();
  await farm.close();
});

/** Not in the midst of a write: a file's lock is held for as long as its process stands still. */
function stop({ pid }: BatonProcess): void {
  stopped.add(pid);
  for (let isWriting = true; isWriting;) {
    process.kill(pid, 'SIGSTOP');
    isWriting = farm.isLocked();
    if (isWriting) process.kill(pid, 'SIGCONT');
  }
}

function goOn({ pid }: BatonProcess): void {
  process.kill(pid, 'SIGCONT');
  stopped.delete(pid);
}

describe('a process killed with SIGKILL', () => {
  it('while its agent holds a task loses it to the next, and its word counts no more', async () => {
    const runId = await farm.start(first);
    const lost = await mustClaim(first, 'one');
    const waiting = mustClaim(second, 'two');
    await first.kill();
    const taken = await waiting;
    expect(taken.runId).toBe(runId);
    expect(taken.fence).toBeGreaterThan(lost.fence);
    const late = await complete(second, lost, 'one');
    expect(late.text).toMatch(/^error lease_lost/);
    expect((await complete(second, taken, 'two')).isError).toBe(false);
    await farm.expectAllDone([runId]);
    const completed = (await farm.events(runId)).find(({ type }) => type === 'StepCompleted');
    expect(completed).toMatchObject({ worker: 'agent:two', output: { by: 'two' } });
  });

  it('after it gave a task: the same cursor gives it again through another process', async () => {
    const runId = await farm.start(first);
    const lost = await mustClaim(first, 'one', { cursor: 'c1' });
    await first.kill();
    const again = await mustClaim(second, 'one', { cursor: 'c1' });
    expect(again).toMatchObject({ isRepeated: true, task: lost.task, fence: lost.fence });
    expect((await complete(second, again, 'one')).isError).toBe(false);
    await farm.expectAllDone([runId]);
  });

  it('while it waits in claim_task takes nothing with it', async () => {
    const waiting = answerOrEnd(claim(first, 'one'));
    const other = claim(second, 'two');
    await first.kill();
    expect(await waiting).toBeUndefined();
    const third = await farm.open();
    const runId = await farm.start(third);
    const taken = await other;
    if (taken === undefined) throw new Error('nothing was claimed');
    await complete(third, taken, 'two');
    await farm.expectAllDone([runId]);
  });

  it('right after a report was accepted has lost nothing of it', async () => {
    const runId = await farm.start(first);
    const task = await mustClaim(first, 'one');
    const accepted = await complete(first, task, 'one');
    await first.kill();
    expect(accepted.text).toContain('completion recorded');
    const again = await complete(second, task, 'one');
    expect(again.text).toContain('was recorded before');
    const other = await complete(second, task, 'two');
    expect(other.text).toMatch(/^error already_reported/);
    await farm.expectAllDone([runId]);
  });

  it('while it records reports: repeated elsewhere, each is recorded once', async () => {
    const random = createRandom(20_261_121);
    const runIds: string[] = [];
    const accepted = new Set<string>();
    for (let kill = 0; kill < 6; kill += 1) {
      const reporter = await farm.open();
      const ids = await Promise.all([0, 1, 2].map((at) => farm.start(second, `${kill}-${at}`)));
      const tasks = [];
      for (const [at] of ids.entries())
        tasks.push(await mustClaim(reporter, 'one', { cursor: `${kill}-${at}` }));
      const reports = tasks.map((task) => answerOrEnd(complete(reporter, task, 'one')));
      // Between nothing sent and all recorded: at some moment, or when the first or second was accepted.
      const isAnswered = reports[(kill % 3) - 1];
      for (let turn = Math.floor(random.next() * 2_000); isAnswered === undefined && turn > 0;) {
        turn -= 1;
        await new Promise(setImmediate);
      }
      await isAnswered;
      await reporter.kill();
      for (const [at, report] of (await Promise.all(reports)).entries())
        if (report !== undefined && !report.isError) accepted.add(ids[at] ?? '');
      for (const task of tasks) {
        const repeated = await complete(second, task, 'one');
        // In time: the lease lasts a second and nobody else claims here.
        expect(repeated.isError).toBe(false);
        if (accepted.has(task.runId)) expect(repeated.text).toContain('was recorded before');
      }
      runIds.push(...ids);
    }
    await farm.expectAllDone(runIds);
  }, 90_000);

  it('between the claim and its answer has the same cursor give it again elsewhere', async () => {
    await killWhileClaiming(farm, second, 'noted');
  });
});

describe('a process stopped with SIGSTOP', () => {
  it('past the lease of its agent finds, when it goes on, that another has the task', async () => {
    const runId = await farm.start(first);
    const lost = await mustClaim(first, 'one');
    stop(first);
    const taken = await mustClaim(second, 'two');
    expect(taken.fence).toBeGreaterThan(lost.fence);
    // It lies in the stopped process's input until that goes on.
    const late = complete(first, lost, 'one');
    const beat = first.call('report_task', { task: lost.task, action: 'heartbeat' });
    const released = first.call('report_task', { task: lost.task, action: 'release' });
    goOn(first);
    for (const refused of [await late, await beat, await released])
      expect(refused.text).toMatch(/^error lease_lost[\s\S]*Nothing was changed\./);
    await complete(second, taken, 'two');
    await farm.expectAllDone([runId]);
  });

  it('before a report reached it, and past the lease with nobody else there, records it', async () => {
    const runId = await farm.start(first);
    const task = await mustClaim(first, 'one');
    stop(first);
    const report = complete(first, task, 'one');
    const nothing = await claim(second, 'nobody', { capabilities: [], wait_seconds: 2 });
    expect(nothing).toBeUndefined();
    goOn(first);
    expect((await report).text).toContain('completion recorded');
    await farm.expectAllDone([runId]);
  });

  it('while it waits in claim_task leaves new work to others, and takes none of it twice', async () => {
    const waiting = claim(first, 'one', { wait_seconds: 5 });
    // Answered only after the first process has begun to wait.
    await first.call('list_workflows', {});
    stop(first);
    const runIds = [await farm.start(second)];
    const taken = await mustClaim(second, 'two');
    goOn(first);
    runIds.push(await farm.start(second));
    const other = await waiting;
    if (other === undefined) throw new Error('the second task was not claimed');
    expect(new Set([taken.runId, other.runId])).toEqual(new Set(runIds));
    await complete(second, taken, 'two');
    await complete(first, other, 'one');
    await farm.expectAllDone(runIds);
  });
});

describe('agents at several processes', () => {
  it('that race for tasks each get their own, and every one is done once', async () => {
    const third = await farm.open();
    const waiting = [first, second, third].map((server, at) => claim(server, `agent-${at}`));
    const runIds = await Promise.all([0, 1, 2].map((at) => farm.start(first, `race-${at}`)));
    const claimed = await Promise.all(waiting);
    expect(new Set(claimed.map((task) => task?.runId))).toEqual(new Set(runIds));
    for (const task of claimed) if (task) await complete(second, task, 'any');
    await farm.expectAllDone(runIds);
  });

  it('hand a task on to one that waits elsewhere', async () => {
    const waiting = second.call('claim_task', {
      agent_id: 'two',
      capabilities: ['fix'],
      wait_seconds: 20,
    });
    await second.call('list_workflows', {});
    const runId = await farm.start(first);
    const { task } = await mustClaim(first, 'one');
    const handed = await first.call('handoff_task', { task, to_agent: 'two', note: 'yours' });
    expect(handed.text).toContain('handed to agent "two"');
    const taken = readClaim(await waiting);
    if (taken === undefined) throw new Error('nothing was handed over');
    expect(taken.text).toContain('"note":"yours"');
    expect((await complete(first, taken, 'two')).isError).toBe(false);
    await farm.expectAllDone([runId]);
  });
});
