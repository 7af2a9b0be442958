import { beforeEach, describe, expect, it } from 'vitest';
import type { ReportTaskInput } from '../../src/application/agents/report-task.ts';
import { AGENT_LEASE_MS, AgentBench, MINUTE_MS, reviewing } from './agent-bench.ts';
import { valueOf } from './workbench.ts';

let bench: AgentBench;
beforeEach(async () => {
  bench = new AgentBench();
  bench.runTimers();
  // More tasks than an agent may fail, each given back to the queue or tried again for as long as the test goes on.
  for (let runs = 0; runs < 12; runs += 1)
    await bench.start(reviewing('retry: { maxAttempts: 10, initialDelay: 1s, jitter: none }'));
});

/** Through one process and then the other. */
async function end(times: number, said: Omit<ReportTaskInput, 'task'>): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    const process = count % 2 === 0 ? bench.here : bench.there;
    await bench.accepted(
      await bench.task('first', { cursor: `c${count}` }, process),
      said,
      process,
    );
  }
}

const claim = (cursor: string, wait_seconds = 0) =>
  bench.claim('first', { capabilities: ['review'], cursor, wait_seconds });
const health = async () => valueOf(await bench.here.application.getHealth(bench.context, {}));

describe('an agent that fails five tasks in a row', () => {
  it('is told so, over all processes, and given nothing; the others work on', async () => {
    await end(5, { action: 'fail', code: 'oops', message: 'no idea' });
    const answer = await claim('next');
    expect(answer.task).toBeUndefined();
    expect(answer.held_back?.message).toBe(
      'you failed, gave back or let lapse the last 5 tasks; the next task is given as a trial in 60 s',
    );
    expect(
      (await bench.claim('second', { capabilities: ['review'] }, bench.there)).task,
    ).toBeDefined();
    const { status, reasons, breakers } = await health();
    expect(status).toBe('degraded');
    expect(breakers).toMatchObject([{ target: 'agent:first', state: 'open', failures: 5 }]);
    expect(reasons.join()).toMatch(/agent:first fails since .*oops: no idea/);
  });

  it('gets one task as a trial when the time has come, and only one', async () => {
    await end(5, { action: 'fail' });
    await bench.clock.advance(MINUTE_MS);
    const [one, other] = await Promise.all([claim('a'), claim('b')]);
    expect([one.task, other.task].filter((task) => task !== undefined)).toHaveLength(1);
    const refused = one.task === undefined ? one : other;
    expect(refused.held_back?.message).toContain('you hold one task as a trial: report that first');
    const task = one.task ?? other.task;
    if (task === undefined) throw new Error('no trial');
    await bench.accepted(task, { action: 'complete' });
    expect((await claim('c')).task).toBeDefined();
    expect((await health()).breakers).toEqual([]);
  });

  it('waits longer when the trial fails', async () => {
    await end(5, { action: 'fail' });
    await bench.clock.advance(MINUTE_MS);
    await end(1, { action: 'release' });
    expect((await claim('x')).held_back?.message).toMatch(/the last 6 tasks; .* in 120 s$/);
  });

  it('waits for its trial within the time of its call', async () => {
    await end(5, { action: 'fail' });
    await bench.clock.advance(MINUTE_MS - 5_000);
    const answer = await bench.outlast(claim('x', 20));
    expect(answer.task).toBeDefined();
  });

  it('may hand its trial on, which says nothing of it: the next task is the trial then', async () => {
    await end(5, { action: 'fail' });
    await bench.clock.advance(MINUTE_MS);
    const { task } = await claim('a');
    if (task === undefined) throw new Error('no trial');
    const { application } = bench.there;
    const handed = application.handoffTask(bench.context, { task: task.task, to_agent: 'first' });
    valueOf(await bench.outlast(handed));
    expect((await claim('b')).task).toBeDefined();
    expect((await claim('c')).held_back?.message).toContain('report that first');
  });

  it('gives up a trial for which there is no task, and tries again at the next call', async () => {
    await end(5, { action: 'fail' });
    await bench.clock.advance(MINUTE_MS);
    const nothing = await bench.claim('first', { capabilities: ['other'], cursor: 'x' });
    expect(nothing).not.toHaveProperty('held_back');
    expect((await claim('y')).task).toBeDefined();
  });
});

describe('what counts against an agent', () => {
  it('are tasks that it gives back', async () => {
    await end(5, { action: 'release' });
    expect((await claim('x')).held_back).toBeDefined();
  });

  it('are tasks whose lease it lets run out, whoever has them now', async () => {
    for (let count = 0; count < 5; count += 1) await bench.task('first', { cursor: `c${count}` });
    await bench.clock.advance(AGENT_LEASE_MS + 1);
    await bench.task('second');
    expect((await claim('x')).held_back?.message).toContain('last 5 tasks');
  });

  it('are failures in a row only: one that it completes makes up for all', async () => {
    await end(4, { action: 'fail' });
    await end(1, { action: 'complete' });
    await end(4, { action: 'fail' });
    expect((await claim('x')).task).toBeDefined();
  });

  it('is not a task that it still holds, nor one that it completed late', async () => {
    const tasks = [];
    for (let count = 0; count < 6; count += 1)
      tasks.push(await bench.task('first', { cursor: `c${count}` }));
    await bench.clock.advance(AGENT_LEASE_MS - 1_000);
    for (const task of tasks.slice(0, 3)) await bench.accepted(task, { action: 'heartbeat' });
    for (const task of tasks.slice(3)) await bench.accepted(task, { action: 'complete' });
    await bench.clock.advance(2_000);
    expect((await claim('x')).task).toBeDefined();
    expect((await health()).breakers).toEqual([]);
  });

  it('is the same report once, however often it is sent', async () => {
    const task = await bench.task('first');
    for (let sent = 0; sent < 6; sent += 1) await bench.accepted(task, { action: 'fail' });
    expect((await claim('x')).held_back).toBeUndefined();
  });
});

it('a lost answer to the call that gave the trial is repeated', async () => {
  await end(5, { action: 'fail' });
  await bench.clock.advance(MINUTE_MS);
  const first = await claim('trial');
  const again = await claim('trial');
  expect(again).toMatchObject({ repeated: true, task: { task: first.task?.task } });
});
