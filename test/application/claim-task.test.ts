import { beforeEach, describe, expect, it } from 'vitest';
import { MAX_DELIVERIES } from '../../src/domain/limits.ts';
import { AGENT_LEASE_MS, AgentBench, MINUTE_MS, reviewing, type Fate } from './agent-bench.ts';
import { errorOf, valueOf } from './workbench.ts';

let bench: AgentBench;

beforeEach(() => {
  bench = new AgentBench();
});

const REVIEW = { capabilities: ['review'] };

describe('a run that cannot be read', () => {
  /** As a Baton wrote it before it looked how deep a heartbeat is nested. */
  async function broken(event: string, runId: string): Promise<void> {
    const key = { tenant: 'default', runId };
    const { version = 0 } = (await bench.here.store.load(key)) ?? {};
    const committed = await bench.here.store.commit({
      key,
      expectedVersion: version,
      commands: [{ id: 'broken', answer: null }],
      events: [event],
      enqueue: [],
      recall: [],
      timers: [],
      cancelTimers: [],
      messages: [],
    });
    expect(committed.kind).toBe('committed');
  }

  const DEEP = `{"schemaVersion":1,"sequence":3,"occurredAtMs":1,"commandId":"a","causationId":"b","actor":"c","body":{"type":"SignalReceived","name":"n","payload":${'['.repeat(5_000)}${']'.repeat(5_000)}}}`;

  it.each([DEEP, '{"schemaVersion":99}'])(
    'keeps nobody from the tasks behind it, and its own stays for who can read it (%#)',
    async (event) => {
      const unreadable = await bench.start(reviewing());
      await broken(event, unreadable);
      const readable = await bench.start(reviewing());
      const fresh = bench.open(99);
      const task = await bench.task('second', {}, fresh);
      expect(task.run_id).toBe(readable);
      const none = await bench.claim('third', REVIEW, fresh);
      expect(none).not.toHaveProperty('task');
      const key = { tenant: 'default', runId: unreadable };
      const [left] = (await fresh.store.openWork(key)).tasks;
      expect(left).toMatchObject({ slot: 'review', deliveries: 0 });
      expect(left).not.toHaveProperty('lease');
      const call = { run_id: unreadable };
      for (const answer of [
        await fresh.application.getWorkflow(bench.context, call),
        await fresh.application.cancelWorkflow(bench.context, call),
      ])
        expect(errorOf(answer)).toMatchObject({ code: 'run_unreadable' });
    },
  );

  it('is not given again to who held its task, who gets the next one', async () => {
    const unreadable = await bench.start(reviewing());
    expect((await bench.task('first')).run_id).toBe(unreadable);
    await broken('{"schemaVersion":99}', unreadable);
    const readable = await bench.start(reviewing());
    expect((await bench.task('first')).run_id).toBe(readable);
  });
});

describe('a claim that waits', () => {
  const claiming = (wait_seconds: number, signal?: AbortSignal, { application } = bench.here) =>
    application.claimTask(
      { ...bench.context, ...(signal && { signal }) },
      { agent_id: 'first', ...REVIEW, wait_seconds },
    );

  it.each(['here', 'there'] as const)('gets at once what is started %s', async (place) => {
    const waiting = claiming(20);
    await bench.clock.advance(3_000);
    const beganAtMs = bench.clock.now();
    const { application } = bench[place];
    await application.registerWorkflow(bench.context, { definition: reviewing() });
    await application.startWorkflow(bench.context, { workflow: 'reviewing', input: {} });
    await bench.clock.advance(0);
    expect(valueOf(await waiting).task?.step_id).toBe('review');
    expect(bench.clock.now()).toBe(beganAtMs);
  });

  it('gets what another agent released, at once', async () => {
    await bench.start(reviewing());
    const held = await bench.task('second', {}, bench.there);
    const waiting = claiming(20);
    await bench.clock.advance(1_000);
    await bench.accepted(held, { action: 'release' }, bench.there);
    await bench.clock.advance(0);
    expect(valueOf(await waiting).task?.step_id).toBe('review');
  });

  it('gets what another agent left behind, the moment its lease has run out', async () => {
    await bench.start(reviewing());
    await bench.task('second');
    await bench.clock.advance(AGENT_LEASE_MS - 1_500);
    const waiting = claiming(20);
    await bench.clock.advance(1_499);
    expect((await bench.here.store.queueDepths())[0]).toMatchObject({ leased: 1 });
    await bench.clock.advance(1);
    expect(valueOf(await waiting).task?.step_id).toBe('review');
  });

  it('ends at its time with a cursor that is new every time', async () => {
    const beganAtMs = bench.clock.now();
    const first = claiming(7);
    await bench.clock.advance(6_999);
    let isOver = false;
    void first.then(() => (isOver = true));
    await bench.clock.advance(0);
    expect(isOver).toBe(false);
    await bench.clock.advance(1);
    const answers = [valueOf(await first), await bench.claim('first'), await bench.claim('first')];
    expect(answers.map(({ task }) => task)).toEqual([undefined, undefined, undefined]);
    expect(new Set(answers.map(({ next_cursor }) => next_cursor)).size).toBe(3);
    expect(bench.clock.now()).toBe(beganAtMs + 7_000);
  });

  it('ends when its caller is gone, and takes nothing any more', async () => {
    const gone = new AbortController();
    const waiting = claiming(20, gone.signal);
    await bench.clock.advance(1_000);
    gone.abort();
    await bench.clock.advance(0);
    expect(valueOf(await waiting).task).toBeUndefined();
    await bench.start(reviewing());
    await bench.clock.advance(0);
    expect((await bench.here.store.queueDepths())[0]).toMatchObject({ waiting: 1, leased: 0 });
  });

  it('tells that the store is away, and takes nothing', async () => {
    await bench.start(reviewing());
    bench.here.faults.fate = (operation) => (operation === 'claimTasks' ? 'fail' : 'proceed');
    const refused = await bench.outlast(claiming(20));
    expect(refused).toMatchObject({ ok: false, error: { code: 'store_unavailable' } });
    expect(await bench.claim('first', REVIEW, bench.there)).toHaveProperty('task');
  });
});

describe('a claim whose caller is gone before it is answered', () => {
  /** The caller goes while the claim is being noted: it has the task then, and nobody to give it to. */
  async function goneMeanwhile(definition: string): Promise<string> {
    const runId = await bench.start(definition);
    const gone = new AbortController();
    bench.here.faults.fate = async (operation): Promise<Fate> => {
      const isNoted = (await bench.there.store.queueDepths())[0]?.leased === 1;
      if (operation === 'setValue' && isNoted) gone.abort();
      return 'proceed';
    };
    const claim = bench.here.application.claimTask(
      { ...bench.context, signal: gone.signal },
      { agent_id: 'first', ...REVIEW, wait_seconds: 20 },
    );
    expect(valueOf(await bench.outlast(claim)).task).toBeUndefined();
    expect(gone.signal.aborted).toBe(true);
    return runId;
  }

  it('gives the task back at once, as if it had not been claimed', async () => {
    const runId = await goneMeanwhile(reviewing());
    const key = { tenant: 'default', runId };
    const [task] = (await bench.here.store.openWork(key)).tasks;
    expect(task).toMatchObject({ deliveries: 0 });
    expect(task).not.toHaveProperty('lease');
    expect((await bench.task('second')).attempt).toBe(1);
  });

  it('gives an unsafe task back too: its effect was marked as begun, and never was', async () => {
    const runId = await goneMeanwhile(reviewing('effect: unsafe'));
    expect(await bench.types(runId)).toEqual([
      'WorkflowStarted',
      'StepsScheduled',
      'StepStarted',
      'TaskHandedOver',
    ]);
    expect(await bench.steps(runId)).toEqual({ review: 'queued' });
    const next = await bench.task('second');
    await bench.accepted(next, { action: 'complete', output: 'done' });
    expect(await bench.status(runId)).toBe('completed');
  });

  it('gives an unsafe task back with all that was handed over with it', async () => {
    await bench.start(reviewing('effect: unsafe'));
    const held = await bench.task('second');
    await bench.outlast(
      bench.here.application.handoffTask(bench.context, {
        task: held.task,
        to_capability: 'review',
        note: 'the key lies under the mat',
        context: { at: 7 },
      }),
    );
    const gone = new AbortController();
    bench.here.faults.fate = (operation) => {
      if (operation === 'renew') gone.abort();
      return 'proceed';
    };
    // Admitting an unsafe task renews its lease: the caller is gone right after.
    const claim = bench.here.application.claimTask(
      { ...bench.context, signal: gone.signal },
      { agent_id: 'first', ...REVIEW, wait_seconds: 0 },
    );
    expect(valueOf(await bench.outlast(claim)).task).toBeUndefined();
    const { handover } = await bench.task('third');
    expect(handover).toMatchObject({
      note: expect.stringContaining('the key lies under the mat') as string,
      context: { at: 7 },
    });
  });
});

describe('a claim with the cursor of an earlier one', () => {
  it('is answered the same task for as long as the agent holds it, through any process', async () => {
    await bench.start(reviewing());
    const first = await bench.claim('first', { ...REVIEW, cursor: 'c1' });
    const again = await bench.claim('first', { cursor: 'c1' }, bench.there);
    expect(again).toMatchObject({ repeated: true, task: { task: first.task?.task } });
    expect(again.task?.fence).toBe(first.task?.fence);
    expect(again.next_cursor).not.toBe(first.next_cursor);
  });

  it('renews the lease', async () => {
    await bench.start(reviewing());
    await bench.task();
    await bench.clock.advance(14 * MINUTE_MS);
    const { task } = await bench.claim('first');
    expect(task?.lease.expires_at).toBe(new Date(bench.clock.now() + AGENT_LEASE_MS).toISOString());
  });

  it('is given the next one when the first was reported', async () => {
    await bench.start(reviewing());
    await bench.start(reviewing());
    const first = await bench.task('first', { cursor: 'c1' });
    await bench.accepted(first, { action: 'complete', output: 1 });
    const next = await bench.claim('first', { cursor: 'c1' });
    expect(next.task?.run_id).not.toBe(first.run_id);
    expect(next).not.toHaveProperty('repeated');
  });

  it('is given the next one when the first was lost to another agent', async () => {
    await bench.start(reviewing());
    const first = await bench.task('first', { cursor: 'c1' });
    await bench.clock.advance(AGENT_LEASE_MS);
    expect((await bench.task('second')).run_id).toBe(first.run_id);
    expect(await bench.claim('first', { cursor: 'c1' })).not.toHaveProperty('task');
    await bench.start(reviewing());
    expect((await bench.claim('first', { cursor: 'c1' })).task?.run_id).not.toBe(first.run_id);
  });

  it.each(['cancelled', 'timed out', 'handed over'])(
    'is given nothing of a task that was %s',
    async (how) => {
      bench.runTimers();
      const runId = await bench.start(reviewing('timeout: 5m'));
      const task = await bench.task('first', { cursor: 'c1' });
      const { application } = bench.there;
      if (how === 'cancelled') await application.cancelWorkflow(bench.context, { run_id: runId });
      if (how === 'timed out') await bench.clock.advance(5 * MINUTE_MS);
      if (how === 'handed over')
        await application.handoffTask(bench.context, { task: task.task, to_person: 'anyone' });
      expect(await bench.claim('first', { cursor: 'c1' })).not.toHaveProperty('task');
    },
  );

  it('is given nothing of a task that is cancelled in the very moment', async () => {
    const runId = await bench.start(reviewing());
    await bench.task('first', { cursor: 'c1' });
    let isCancelled = false;
    bench.here.faults.fate = async (operation): Promise<Fate> => {
      if (operation !== 'renew' || isCancelled) return 'proceed';
      isCancelled = true;
      await bench.there.application.cancelWorkflow(bench.context, { run_id: runId });
      return 'proceed';
    };
    expect(await bench.claim('first', { cursor: 'c1' })).not.toHaveProperty('task');
    expect(isCancelled).toBe(true);
  });

  it('is another cursor when it is new: the agent takes a second task beside the first', async () => {
    await bench.start(reviewing());
    await bench.start(reviewing());
    const first = await bench.task('first', { cursor: 'c1' });
    const second = await bench.task('first', { cursor: 'c2' });
    expect(second.run_id).not.toBe(first.run_id);
    await bench.accepted(first, { action: 'complete', output: 1 });
    await bench.accepted(second, { action: 'complete', output: 2 });
  });

  it('that is still under way is answered the task that the earlier one was given', async () => {
    const call = { agent_id: 'first', ...REVIEW, cursor: 'c1', wait_seconds: 20 };
    const earlier = bench.here.application.claimTask(bench.context, call);
    await bench.clock.advance(1_000);
    const later = bench.there.application.claimTask(bench.context, call);
    await bench.clock.advance(1_000);
    await bench.start(reviewing());
    const given = valueOf(await bench.outlast(earlier));
    expect(given).not.toHaveProperty('repeated');
    const again = valueOf(await bench.outlast(later));
    expect(again).toMatchObject({ repeated: true, task: { task: given.task?.task } });
  });

  it('that is still under way is another call where neither names a cursor', async () => {
    const call = { agent_id: 'first', ...REVIEW, wait_seconds: 20 };
    const both = [bench.here, bench.there].map(({ application }) =>
      application.claimTask(bench.context, call),
    );
    await bench.clock.advance(1_000);
    await bench.start(reviewing());
    const tasks = (await bench.outlast(Promise.all(both))).map((claim) => valueOf(claim).task);
    expect(tasks.filter((task) => task !== undefined)).toHaveLength(1);
  });

  it('that was refused for want of the store gives the task once the store answers', async () => {
    await bench.start(reviewing());
    const lost = { renew: 1 };
    bench.here.faults.fate = (operation) =>
      operation === 'renew' && lost.renew-- > 0 ? 'lose-reply' : 'proceed';
    const input = { agent_id: 'first', ...REVIEW, wait_seconds: 0, cursor: 'c1' };
    const first = await bench.outlast(bench.here.application.claimTask(bench.context, input));
    expect(first).toMatchObject({ ok: false, error: { code: 'store_unavailable' } });
    const again = await bench.claim('first', { cursor: 'c1' }, bench.there);
    expect(again).toMatchObject({ repeated: true, task: { step_id: 'review' } });
  });
});

describe('a lease', () => {
  const endOf = (ms: number): string => new Date(bench.clock.now() + ms).toISOString();

  it('lasts 15 minutes', async () => {
    await bench.start(reviewing());
    const { lease } = await bench.task();
    expect(lease).toEqual({ expires_at: endOf(15 * MINUTE_MS), duration_seconds: 900 });
    await bench.clock.advance(15 * MINUTE_MS - 1);
    expect(await bench.claim('second', REVIEW)).not.toHaveProperty('task');
  });

  it('lasts as long as the step says with `heartbeat`, for each heartbeat too', async () => {
    await bench.start(reviewing('heartbeat: 2m'));
    const task = await bench.task();
    expect(task.lease).toEqual({ expires_at: endOf(2 * MINUTE_MS), duration_seconds: 120 });
    await bench.clock.advance(MINUTE_MS);
    const kept = await bench.accepted(task, { action: 'heartbeat' });
    expect(kept.lease_expires_at).toBe(endOf(2 * MINUTE_MS));
    await bench.clock.advance(2 * MINUTE_MS);
    expect((await bench.task('second')).run_id).toBe(task.run_id);
  });

  it('of a program that renews by itself may be shorter', async () => {
    await bench.start(reviewing());
    expect((await bench.task('first', { leaseMs: 30_000 })).lease.duration_seconds).toBe(30);
    await bench.clock.advance(30_000);
    expect(await bench.claim('second', REVIEW)).toHaveProperty('task');
  });

  it('that ran out gives the task to the next agent, the same attempt under a higher fence', async () => {
    await bench.start(reviewing());
    const first = await bench.task();
    await bench.clock.advance(AGENT_LEASE_MS);
    const second = await bench.task('second', {}, bench.there);
    expect(second).toMatchObject({ run_id: first.run_id, step_id: 'review', attempt: 1 });
    expect(second.fence).toBeGreaterThan(first.fence);
    expect(second.task).not.toBe(first.task);
    expect(second.idempotency_key).toBe(first.idempotency_key);
  });
});

describe('two agents', () => {
  it('that race for one task: one gets it', async () => {
    await bench.start(reviewing());
    const claims = [
      bench.claim('first', REVIEW, bench.here),
      bench.claim('second', REVIEW, bench.there),
      bench.claim('third', REVIEW, bench.here),
    ];
    const tasks = (await Promise.all(claims)).filter(({ task }) => task !== undefined);
    expect(tasks).toHaveLength(1);
  });

  it('that both wait for one task: one gets it, the other goes on waiting', async () => {
    const wait = { ...REVIEW, wait_seconds: 20 };
    const claims = [
      bench.here.application.claimTask(bench.context, { agent_id: 'first', ...wait }),
      bench.there.application.claimTask(bench.context, { agent_id: 'second', ...wait }),
    ];
    await bench.clock.advance(1_000);
    await bench.start(reviewing());
    await bench.clock.advance(0);
    await bench.start(reviewing());
    await bench.clock.advance(0);
    const runs = (await Promise.all(claims)).map((claim) => valueOf(claim).task?.run_id);
    expect(new Set(runs).size).toBe(2);
    expect(runs).not.toContain(undefined);
  });
});

describe('what an agent may claim', () => {
  const FOR_ONE = `
name: personal
steps:
  - { id: mine, uses: agent, with: { agent: first, instructions: Only you. } }
`;

  it('is what is addressed to it by its id', async () => {
    await bench.start(FOR_ONE);
    expect((await bench.claim('first')).task?.step_id).toBe('mine');
  });

  it.each([['first'], ['agent@first'], ['@first']])(
    'is nothing that is addressed to another, whatever it says it can do (%s)',
    async (capability) => {
      await bench.start(FOR_ONE);
      const claim = await bench.claim('second', { capabilities: [capability, 'review'] });
      expect(claim).not.toHaveProperty('task');
    },
  );

  it('is nothing that it has no capability for', async () => {
    await bench.start(reviewing());
    expect(await bench.claim('first', { capabilities: ['reviews'] })).not.toHaveProperty('task');
    expect(await bench.claim('first', { capabilities: [] })).not.toHaveProperty('task');
  });

  it('is nothing of a paused run; it is offered again, the same attempt, when the run goes on', async () => {
    const runId = await bench.start(reviewing());
    const { application } = bench.here;
    await application.pauseWorkflow(bench.context, { run_id: runId });
    expect(await bench.claim('first', REVIEW)).not.toHaveProperty('task');
    expect((await bench.reasons(runId))[0]).toContain('paused');
    await application.resumeWorkflow(bench.context, { run_id: runId });
    expect((await bench.task()).attempt).toBe(1);
  });

  it('goes on past a task that nobody wants to the next one', async () => {
    const paused = await bench.start(reviewing());
    await bench.here.application.pauseWorkflow(bench.context, { run_id: paused });
    const wanted = await bench.start(reviewing());
    const claim = await bench.claim('first', { ...REVIEW, wait_seconds: 0 });
    expect(claim.task?.run_id).toBe(wanted);
  });

  it('keeps what its last holder left, where the run was paused when it was offered again', async () => {
    const runId = await bench.start(reviewing());
    const task = await bench.task();
    await bench.accepted(task, { action: 'heartbeat', payload: { at: 7 } });
    await bench.clock.advance(AGENT_LEASE_MS);
    const { application } = bench.here;
    await application.pauseWorkflow(bench.context, { run_id: runId });
    expect(await bench.claim('second', REVIEW)).not.toHaveProperty('task');
    await application.resumeWorkflow(bench.context, { run_id: runId });
    expect(await bench.task('second')).toMatchObject({ last_heartbeat: { at: 7 } });
  });

  it('is no task that made every agent vanish: it fails as poison, and says so', async () => {
    const runId = await bench.start(reviewing());
    for (let delivery = 0; delivery < MAX_DELIVERIES; delivery += 1) {
      const task = await bench.task(`agent-${delivery}`);
      await bench.accepted(task, { action: 'heartbeat', payload: { delivery } });
      await bench.clock.advance(AGENT_LEASE_MS);
    }
    expect(await bench.claim('last', REVIEW)).not.toHaveProperty('task');
    expect(await bench.status(runId)).toBe('failed');
    const failed = (await bench.events(runId)).find(({ type }) => type === 'StepFailed');
    expect(failed).toMatchObject({ error: { code: 'poison' } });
  });
});

describe('a claimed task says', () => {
  it('all that the agent needs', async () => {
    const runId = await bench.start(
      `
name: full
steps:
  - id: review
    uses: agent
    with:
      capability: review
      instructions: "Review \${{ input.branch }}."
      context: { files: "\${{ input.files }}" }
      output: { type: object, required: [verdict] }
`,
      { branch: 'main', files: ['a', 'b'] },
    );
    expect(await bench.task()).toMatchObject({
      run_id: runId,
      workflow: 'full',
      step_id: 'review',
      attempt: 1,
      instructions: 'Review main.',
      context: { files: ['a', 'b'] },
      output_schema: { type: 'object', required: ['verdict'] },
      workspace: '/workspace',
      idempotency_key: expect.stringMatching(/^[\da-f]{32,}$/) as string,
    });
  });

  it('the contract that stands at the step instead of in `with`', async () => {
    await bench.start(reviewing('outputSchema: { type: array }'));
    expect((await bench.task()).output_schema).toEqual({ type: 'array' });
  });
});
