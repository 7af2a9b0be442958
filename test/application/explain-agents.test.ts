import { beforeEach, describe, expect, it } from 'vitest';
import { AGENT_LEASE_MS, AgentBench, MINUTE_MS, reviewing } from './agent-bench.ts';
import { valueOf } from './workbench.ts';

let bench: AgentBench;

beforeEach(() => {
  bench = new AgentBench();
});

const health = async () => valueOf(await bench.here.application.getHealth(bench.context, {}));

describe('a task that no agent is there for', () => {
  it('is told as no_worker, never as running, with the call that would take it', async () => {
    const runId = await bench.start(reviewing());
    expect(await bench.steps(runId)).toEqual({ review: 'no_worker' });
    const [reason] = await bench.reasons(runId);
    expect(reason).toMatch(/^no_worker: attempt 1 of 1 is offered to any agent with "review"/);
    expect(reason).toContain('claim_task {"agent_id":"your-name","capabilities":["review"]}');
  });

  it('is told with the nearest capability that somebody has', async () => {
    await bench.claim('first', { capabilities: ['reviews'] });
    const runId = await bench.start(reviewing());
    expect((await bench.reasons(runId))[0]).toContain('Did you mean "reviews"?');
  });

  it('is told with the nearest agent, where it is for one by its id', async () => {
    await bench.claim('opencode-1', { capabilities: ['opencode'] });
    const runId = await bench.start(reviewing().replace('capability: review', 'agent: opencode-2'));
    const [reason] = await bench.reasons(runId);
    expect(reason).toContain('offered to agent "opencode-2"');
    expect(reason).toContain('Did you mean "opencode-1"?');
    expect(reason).toContain('claim_task {"agent_id":"opencode-2"}');
  });

  it('is named by health, with who should take it', async () => {
    await bench.start(reviewing());
    const { status, reasons } = await health();
    expect(status).toBe('degraded');
    expect(reasons).toContain(
      '1 task(s) wait for any agent with "review", and none was there in the last 15 minutes',
    );
  });
});

describe('a task for agents', () => {
  it('is queued while one that can do it is there, and no_worker when it has been gone for long', async () => {
    const runId = await bench.start(reviewing());
    await bench.claim('second', { capabilities: ['fix'] });
    expect(await bench.steps(runId)).toEqual({ review: 'no_worker' });
    await bench.here.application.registerAgent(bench.context, {
      agent_id: 'first',
      capabilities: ['review'],
    });
    expect(await bench.steps(runId)).toEqual({ review: 'queued' });
    expect((await bench.reasons(runId))[0]).toMatch(/^queued: .*one was there lately/);
    expect((await health()).reasons.join()).not.toContain('review');
    await bench.clock.advance(AGENT_LEASE_MS);
    expect(await bench.steps(runId)).toEqual({ review: 'no_worker' });
    expect((await bench.reasons(runId))[0]).not.toContain('Did you mean');
  });

  it('runs at the agent that holds it, until when, with what it said last', async () => {
    const runId = await bench.start(reviewing());
    const task = await bench.task();
    await bench.accepted(task, { action: 'progress', message: 'two of five files' });
    expect(await bench.steps(runId)).toEqual({ review: 'running' });
    const [reason] = await bench.reasons(runId);
    const until = new Date(bench.clock.now() + AGENT_LEASE_MS).toISOString();
    expect(reason).toMatch(/^running: attempt 1 of 1 runs at agent first since/);
    expect(reason).toContain(`its lease runs until ${until}`);
    expect(reason).toContain('two of five files');
  });

  it('whose agent vanished is offered again, and says who left it', async () => {
    const runId = await bench.start(reviewing());
    await bench.task();
    await bench.clock.advance(AGENT_LEASE_MS);
    expect(await bench.steps(runId)).toEqual({ review: 'no_worker' });
    expect((await bench.reasons(runId))[0]).toContain('agent first stopped renewing its lease');
  });

  it('handed to one agent is offered to that one alone', async () => {
    const runId = await bench.start(reviewing());
    await bench.claim('fixer', { capabilities: ['fix'] });
    const { task } = await bench.task();
    const { application } = bench.here;
    await application.handoffTask(bench.context, { task, to_agent: 'fixer' });
    expect((await bench.reasons(runId))[0]).toContain('offered to agent "fixer"');
    expect(await bench.steps(runId)).toEqual({ review: 'queued' });
    await bench.clock.advance(AGENT_LEASE_MS);
    await bench.claim('first');
    expect(await bench.steps(runId)).toEqual({ review: 'no_worker' });
    expect((await health()).reasons.join()).toContain('wait for agent "fixer"');
  });

  it('between two attempts says why the last one failed and when the next begins', async () => {
    const runId = await bench.start(
      reviewing('retry: { maxAttempts: 2, initialDelay: 1m, jitter: none }'),
    );
    await bench.accepted(await bench.task(), { action: 'fail', code: 'red', message: 'two red' });
    const at = new Date(bench.clock.now() + MINUTE_MS).toISOString();
    expect(await bench.reasons(runId)).toEqual([
      `retrying: attempt 1 of 2 failed (red: two red); the next starts at ${at}.`,
    ]);
  });

  it('whose unsafe effect may have begun says that somebody must decide, and how', async () => {
    const runId = await bench.start(reviewing('effect: unsafe'));
    await bench.accepted(await bench.task(), { action: 'release' });
    const [reason] = await bench.reasons(runId);
    expect(reason).toMatch(/^outcome_unknown: .*"retry"/);
    expect(reason).toContain('signal_workflow');
    const { application } = bench.here;
    const resolution = { run_id: runId, step_id: 'review', resolution: 'retry' } as const;
    valueOf(await application.signalWorkflow(bench.context, resolution));
    expect((await bench.task('second')).attempt).toBe(2);
  });

  it('shows its whole input on request while it waits and while it is held', async () => {
    const runId = await bench.start(reviewing());
    const detail = async () =>
      valueOf(
        await bench.here.application.getWorkflow(bench.context, { run_id: runId, step: 'review' }),
      ).step;
    expect((await detail())?.input).toMatchObject({ instructions: 'Read it.' });
    await bench.task();
    expect((await detail())?.input).toMatchObject({ instructions: 'Read it.' });
  });
});
