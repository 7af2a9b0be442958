import { beforeEach, describe, expect, it } from 'vitest';
import type { AgentTask } from '../../src/application/agents/agent-task.ts';
import type { AnswerTaskInput } from '../../src/application/agents/answer-task.ts';
import type { HandoffTaskInput, HandedTask } from '../../src/application/agents/handoff-task.ts';
import type { UseCaseResult } from '../../src/application/use-case.ts';
import type { Json } from '../../src/domain/json.ts';
import { MAX_HANDOVERS, MAX_PAYLOAD_BYTES } from '../../src/domain/limits.ts';
import { AGENT_LEASE_MS, AgentBench, CONTRACT, MINUTE_MS, reviewing } from './agent-bench.ts';
import { errorOf, valueOf } from './workbench.ts';

let bench: AgentBench;

beforeEach(async () => {
  bench = new AgentBench();
  await bench.claim('fixer', { capabilities: ['fix'] });
});

function hand(
  { task }: AgentTask,
  more: Omit<HandoffTaskInput, 'task'>,
  { application } = bench.here,
): Promise<UseCaseResult<HandedTask>> {
  return bench.outlast(application.handoffTask(bench.context, { task, ...more }));
}

function answer(
  run_id: string,
  said: Pick<AnswerTaskInput, 'resolution'> & Partial<AnswerTaskInput>,
) {
  const person = { name: 'anna', via: 'terminal' } as const;
  const input = { run_id, step_id: 'review', person, ...said };
  return bench.here.application.answerTask(bench.context, input);
}

describe('a task handed over', () => {
  it('to a capability goes to an agent that has it, with all that was said and done', async () => {
    const runId = await bench.start(reviewing());
    const task = await bench.task();
    await bench.accepted(task, { action: 'heartbeat', payload: { at: 7 } });
    const handed = valueOf(
      await hand(task, { to_capability: 'fix', note: 'a is done', context: { left: ['b'] } }),
    );
    expect(handed).toMatchObject({ run_id: runId, step_id: 'review', to: 'any agent with "fix"' });
    expect(await bench.claim('first')).not.toHaveProperty('task');
    const { task: next } = await bench.claim('fixer', {}, bench.there);
    expect(next).toMatchObject({
      attempt: 1,
      instructions: 'Read it.',
      handover: { from: 'agent:first', note: 'a is done', context: { left: ['b'] } },
      last_heartbeat: { at: 7 },
      idempotency_key: task.idempotency_key,
    });
    expect(next?.fence).toBeGreaterThan(task.fence);
  });

  it('to one agent goes to that agent alone', async () => {
    await bench.start(reviewing());
    valueOf(await hand(await bench.task(), { to_agent: 'fixer' }));
    expect(await bench.claim('second', { capabilities: ['review', 'fix'] })).not.toHaveProperty(
      'task',
    );
    expect(await bench.claim('fixer')).toHaveProperty('task');
  });

  it('keeps the contract of the step', async () => {
    await bench.start(CONTRACT);
    valueOf(await hand(await bench.task(), { to_capability: 'fix' }));
    const { task } = await bench.claim('fixer');
    if (task === undefined) throw new Error('nothing was handed over');
    const refused = await bench.refused(task, { action: 'complete', output: {} });
    expect(refused.code).toBe('contract_violation');
  });

  it('keeps what it was handed with when it is handed on without a word', async () => {
    await bench.start(reviewing());
    valueOf(await hand(await bench.task(), { to_capability: 'fix', context: { key: 1 } }));
    const { task } = await bench.claim('fixer');
    if (task === undefined) throw new Error('nothing was handed over');
    valueOf(await hand(task, { to_capability: 'review' }));
    expect(await bench.task()).toMatchObject({ handover: { context: { key: 1 } } });
  });

  it('loses neither its context nor its heartbeat to an agent that vanishes', async () => {
    await bench.start(reviewing());
    const first = await bench.task();
    await bench.accepted(first, { action: 'heartbeat', payload: { at: 7 } });
    valueOf(await hand(first, { to_capability: 'review', note: 'half' }));
    const second = await bench.task('second');
    await bench.accepted(second, { action: 'progress', message: 'reading' });
    await bench.clock.advance(AGENT_LEASE_MS);
    expect(await bench.task('third')).toMatchObject({
      handover: { note: 'half' },
      last_heartbeat: { at: 7 },
    });
  });

  it('wakes an agent that waits for it, at once', async () => {
    await bench.start(reviewing());
    const task = await bench.task();
    const waiting = bench.there.application.claimTask(bench.context, {
      agent_id: 'fixer',
      wait_seconds: 20,
    });
    await bench.clock.advance(1_000);
    await bench.here.application.handoffTask(bench.context, {
      task: task.task,
      to_capability: 'fix',
    });
    await bench.clock.advance(0);
    expect(valueOf(await waiting)).toHaveProperty('task');
  });

  it('twice with the same words was handed over once, also after the next one took it', async () => {
    const runId = await bench.start(reviewing());
    const task = await bench.task();
    const more = { to_capability: 'fix', note: 'yours' };
    valueOf(await hand(task, more));
    expect(valueOf(await hand(task, more, bench.there))).toMatchObject({ duplicate: true });
    await bench.claim('fixer');
    expect(valueOf(await hand(task, more))).toMatchObject({ duplicate: true });
    expect((await bench.types(runId)).filter((type) => type === 'TaskHandedOver')).toHaveLength(1);
    const other = errorOf(await hand(task, { to_person: 'anyone' }));
    expect(other).toMatchObject({ code: 'already_reported', changed: 'nothing' });
    expect(other.message).toContain('was handed over before, to another');
  });

  it('whose reply was lost is found handed over when it is repeated', async () => {
    await bench.start(reviewing());
    const task = await bench.task();
    let isAway = false;
    bench.here.faults.fate = (operation) => {
      const fate = isAway ? 'fail' : operation === 'commit' ? 'lose-reply' : 'proceed';
      isAway ||= operation === 'commit';
      return fate;
    };
    const refused = errorOf(await hand(task, { to_capability: 'fix' }));
    expect(refused).toMatchObject({ code: 'store_unavailable', changed: 'unknown' });
    isAway = false;
    const again = await hand(task, { to_capability: 'fix' }, bench.there);
    expect(valueOf(again)).toMatchObject({ duplicate: true });
  });

  it('in circles stays with the agent in the end, which is told so', async () => {
    const runId = await bench.start(reviewing());
    for (let time = 0; time < MAX_HANDOVERS; time += 1)
      valueOf(await hand(await bench.task(`agent-${time}`), { to_capability: 'review' }));
    const last = await bench.task('last');
    const refused = errorOf(await hand(last, { to_capability: 'review' }));
    expect(refused).toMatchObject({ code: 'too_many_handovers', changed: 'nothing' });
    await bench.accepted(last, { action: 'complete', output: 1 });
    expect(await bench.status(runId)).toBe('completed');
  });

  it('in a paused run is offered when the run goes on, with what was handed over', async () => {
    const runId = await bench.start(reviewing());
    const task = await bench.task();
    const { application } = bench.here;
    await application.pauseWorkflow(bench.context, { run_id: runId });
    valueOf(await hand(task, { to_capability: 'fix', note: 'yours' }));
    expect(await bench.claim('fixer')).not.toHaveProperty('task');
    await application.resumeWorkflow(bench.context, { run_id: runId });
    expect((await bench.claim('fixer')).task).toMatchObject({ handover: { note: 'yours' } });
  });

  it('of an unsafe step was not begun: the next holder may', async () => {
    const runId = await bench.start(reviewing('effect: unsafe'));
    valueOf(await hand(await bench.task(), { to_capability: 'fix' }));
    const { task } = await bench.claim('fixer');
    if (task === undefined) throw new Error('nothing was handed over');
    await bench.accepted(task, { action: 'complete', output: 1 });
    expect(await bench.status(runId)).toBe('completed');
  });
});

describe('a handover is refused, and the task kept,', () => {
  const kept = async (more: Omit<HandoffTaskInput, 'task'>) => {
    const runId = await bench.start(reviewing());
    const task = await bench.task();
    const refused = errorOf(await hand(task, more));
    expect(refused.changed).toBe('nothing');
    expect(await bench.types(runId)).toEqual(['WorkflowStarted', 'StepsScheduled']);
    await bench.accepted(task, { action: 'complete', output: 1 });
    return refused;
  };

  it('to an agent that nobody ever saw, with the nearest name', async () => {
    const refused = await kept({ to_agent: 'fixr' });
    expect(refused.code).toBe('no_worker');
    expect(refused.message).toContain('still yours');
    expect(refused.next).toContain('Did you mean "fixer"?');
  });

  it('to a capability that nobody ever had, with the nearest name', async () => {
    const refused = await kept({ to_capability: 'fic' });
    expect(refused.code).toBe('no_worker');
    expect(refused.next).toContain('Did you mean "fix"?');
  });

  it('to nobody, and to two at once', async () => {
    expect((await kept({})).code).toBe('invalid_arguments');
    expect((await kept({ to_agent: 'fixer', to_person: 'anna' })).code).toBe('invalid_arguments');
  });

  it('with too large a context', async () => {
    const refused = await kept({ to_agent: 'fixer', context: 'x'.repeat(MAX_PAYLOAD_BYTES) });
    expect(refused.code).toBe('payload_too_large');
  });

  it('with a context that is nested too deeply', async () => {
    const context = JSON.parse('['.repeat(2_500) + ']'.repeat(2_500)) as Json;
    const refused = await kept({ to_agent: 'fixer', context });
    expect(refused.code).toBe('invalid_payload');
    expect(refused.violations?.[0]?.message).toBe('nested too deeply');
  });

  it('unless the agent no longer holds it, of which it is told instead', async () => {
    await bench.start(reviewing());
    const task = await bench.task();
    await bench.clock.advance(AGENT_LEASE_MS);
    await bench.task('second');
    for (const more of [{ to_agent: 'nobody' }, {}, { to_capability: 'fix' }])
      expect(errorOf(await hand(task, more)).code).toBe('lease_lost');
  });

  it('of a run that was cancelled', async () => {
    const runId = await bench.start(reviewing());
    const task = await bench.task();
    await bench.here.application.cancelWorkflow(bench.context, { run_id: runId });
    for (const more of [{ to_agent: 'nobody' }, { to_capability: 'fix' }, { to_person: 'anna' }])
      expect(errorOf(await hand(task, more)).code).toBe('lease_lost');
  });
});

describe('a task handed to people', () => {
  const withPerson = async (to_person: string, definition = reviewing()): Promise<string> => {
    const runId = await bench.start(definition);
    valueOf(await hand(await bench.task(), { to_person, note: 'your turn', context: { a: 1 } }));
    return runId;
  };
  const inbox = async (person?: string) =>
    valueOf(await bench.here.application.listInbox(bench.context, { person })).runs;

  it('stands in the inbox with all they need, and is claimed by no agent', async () => {
    const runId = await withPerson('anyone');
    expect(await inbox()).toMatchObject([
      {
        run_id: runId,
        workflow: 'reviewing',
        tasks: [
          {
            step_id: 'review',
            from: 'agent:first',
            instructions: 'Read it.',
            note: 'your turn',
            context: { a: 1 },
          },
        ],
      },
    ]);
    expect(await bench.claim('second', { capabilities: ['review'] })).not.toHaveProperty('task');
    expect((await bench.reasons(runId))[0]).toMatch(
      new RegExp(`^waiting_for_person: .*"your turn".*baton report ${runId} review`),
    );
  });

  it('is done when one of them says so, and gone from the inbox', async () => {
    const runId = await withPerson('anyone');
    valueOf(await answer(runId, { resolution: 'completed', output: 'by hand' }));
    expect(await bench.status(runId)).toBe('completed');
    expect(await inbox()).toEqual([]);
    const [, , , completed] = await bench.events(runId);
    expect(completed).toMatchObject({ worker: 'person:anna', output: 'by hand' });
  });

  it('that fails is retried by the policy, and is offered to agents again', async () => {
    bench.runTimers();
    const runId = await withPerson(
      'anyone',
      reviewing('retry: { maxAttempts: 2, initialDelay: 1m, jitter: none }'),
    );
    valueOf(await answer(runId, { resolution: 'failed', note: 'not on my desk' }));
    await bench.clock.advance(MINUTE_MS);
    expect(await bench.task('second')).toMatchObject({
      attempt: 2,
      previous_error: { code: 'failed_by_person', message: 'not on my desk' },
    });
  });

  it('can be given back to the agents it came from, with a word', async () => {
    const runId = await withPerson('anyone');
    valueOf(await answer(runId, { resolution: 'returned', note: 'look again' }));
    expect(await inbox()).toEqual([]);
    expect(await bench.task('second')).toMatchObject({
      attempt: 1,
      handover: { from: 'person:anna', note: 'look again', context: { a: 1 } },
    });
  });

  it('by name is answered by that person alone, in every way', async () => {
    const runId = await withPerson('bert');
    expect(await inbox('anna')).toEqual([]);
    expect(await inbox('bert')).toHaveLength(1);
    for (const resolution of ['completed', 'failed', 'returned'] as const) {
      const refused = errorOf(await answer(runId, { resolution }));
      expect(refused).toMatchObject({ code: 'not_an_approver', changed: 'nothing' });
      expect(refused.message).toContain('"bert"');
    }
    const person = { name: 'bert', via: 'terminal' } as const;
    valueOf(await answer(runId, { resolution: 'returned', person }));
  });

  it('answered twice is answered once', async () => {
    const runId = await withPerson('anyone');
    valueOf(await answer(runId, { resolution: 'completed' }));
    for (const resolution of ['completed', 'failed', 'returned'] as const) {
      const refused = errorOf(await answer(runId, { resolution }));
      expect(refused.changed).toBe('nothing');
      expect(['already_finished', 'not_with_a_person']).toContain(refused.code);
    }
  });

  it('keeps its contract: what breaks it is refused place by place', async () => {
    const runId = await withPerson('anyone', CONTRACT);
    const refused = errorOf(await answer(runId, { resolution: 'completed', output: {} }));
    expect(refused.violations?.map(({ path }) => path)).toEqual(['verdict', 'findings']);
    expect(await inbox()).toHaveLength(1);
  });

  it('keeps what the agent left to resume from, when it comes back', async () => {
    const runId = await bench.start(reviewing());
    const task = await bench.task();
    await bench.accepted(task, { action: 'heartbeat', payload: { at: 7 } });
    valueOf(await hand(task, { to_person: 'anyone' }));
    valueOf(await answer(runId, { resolution: 'returned' }));
    expect(await bench.task('second')).toMatchObject({ last_heartbeat: { at: 7 } });
  });

  it('takes no output that is larger than a step may return', async () => {
    const runId = await withPerson('anyone');
    const output = 'x'.repeat(MAX_PAYLOAD_BYTES);
    const refused = errorOf(await answer(runId, { resolution: 'completed', output }));
    expect(refused).toMatchObject({ code: 'output_too_large', changed: 'nothing' });
    expect(await inbox()).toHaveLength(1);
    const deep = JSON.parse('['.repeat(2_500) + ']'.repeat(2_500)) as Json;
    const said = { resolution: 'completed', output: deep } as const;
    expect(errorOf(await answer(runId, said))).toMatchObject({ code: 'invalid_output' });
    expect(await inbox()).toHaveLength(1);
  });

  it('is refused for what nobody handed to people, and for a run that is not there', async () => {
    const runId = await bench.start(reviewing());
    for (const resolution of ['completed', 'returned'] as const)
      expect(errorOf(await answer(runId, { resolution })).code).toBe('not_with_a_person');
    for (const resolution of ['completed', 'returned'] as const)
      expect(errorOf(await answer('nowhere', { resolution })).code).toBe('unknown_run');
    const step_id = 'nothing';
    expect(errorOf(await answer(runId, { resolution: 'completed', step_id })).code).toBe(
      'unknown_step',
    );
  });

  it('of a cancelled run is gone from the inbox', async () => {
    const runId = await withPerson('anyone');
    await bench.here.application.cancelWorkflow(bench.context, { run_id: runId });
    expect(await bench.status(runId)).toBe('cancelled');
    expect(await inbox()).toEqual([]);
  });

  it('ends with the time limit of the attempt', async () => {
    bench.runTimers();
    const runId = await withPerson('anyone', reviewing('timeout: 20m'));
    await bench.clock.advance(20 * MINUTE_MS);
    expect(await bench.status(runId)).toBe('failed');
    expect(await inbox()).toEqual([]);
  });
});
