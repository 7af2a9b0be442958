import { beforeEach, describe, expect, it } from 'vitest';
import { createApplication } from '../../src/application/application.ts';
import type { AgentTask } from '../../src/application/agents/agent-task.ts';
import { parseArguments } from '../../src/application/parse-arguments.ts';
import {
  reportTaskInputSchema,
  type ReportTaskInput,
} from '../../src/application/agents/report-task.ts';
import type { Json } from '../../src/domain/json.ts';
import { MAX_PAYLOAD_BYTES } from '../../src/domain/limits.ts';
import { MAX_HEARTBEAT_CHARS } from '../../src/ports/work-source.ts';
import { AGENT_LEASE_MS, AgentBench, CONTRACT, MINUTE_MS, reviewing } from './agent-bench.ts';
import { errorOf, valueOf } from './workbench.ts';

let bench: AgentBench;

beforeEach(() => {
  bench = new AgentBench();
});

type Said = Omit<ReportTaskInput, 'task'>;
const DONE: Said = { action: 'complete', output: 'done' };

async function outputOf(runId: string): Promise<unknown> {
  const call = { run_id: runId, step: 'review' };
  return valueOf(await bench.here.application.getWorkflow(bench.context, call)).step?.output;
}

describe('a completion', () => {
  it('is recorded with who did it and since when', async () => {
    const runId = await bench.start(reviewing());
    const task = await bench.task();
    const claimedAtMs = bench.clock.now();
    await bench.clock.advance(MINUTE_MS);
    expect(await bench.accepted(task, DONE)).toMatchObject({
      run_id: runId,
      step_id: 'review',
      next: ['claim_task {"agent_id":"first"}', `await_workflow {"run_id":"${runId}"}`],
    });
    expect(await bench.status(runId)).toBe('completed');
    const [, , completed] = await bench.events(runId);
    expect(completed).toEqual({
      type: 'StepCompleted',
      step: 'review',
      attempt: 1,
      output: 'done',
      worker: 'agent:first',
      startedAtMs: claimedAtMs,
    });
  });

  it('may come through another process, and from a fresh one that never saw the run', async () => {
    const runId = await bench.start(reviewing());
    const task = await bench.task();
    await bench.accepted(task, DONE, bench.open(99));
    expect(await bench.status(runId)).toBe('completed');
  });

  it('is recorded once: the same one again, in time or late, says so', async () => {
    const runId = await bench.start(reviewing());
    const task = await bench.task();
    await bench.accepted(task, DONE);
    expect(await bench.accepted(task, DONE)).toMatchObject({ duplicate: true });
    await bench.clock.advance(AGENT_LEASE_MS);
    expect(await bench.accepted(task, DONE, bench.there)).toMatchObject({ duplicate: true });
    expect((await bench.types(runId)).filter((type) => type === 'StepCompleted')).toHaveLength(1);
  });

  it('sent twice at once is recorded once', async () => {
    const runId = await bench.start(reviewing());
    const task = await bench.task();
    const both = await Promise.all([
      bench.accepted(task, DONE),
      bench.accepted(task, DONE, bench.there),
    ]);
    expect(both.filter(({ duplicate }) => duplicate)).toHaveLength(1);
    expect((await bench.types(runId)).filter((type) => type === 'StepCompleted')).toHaveLength(1);
  });

  it('whose reply was lost is found recorded when it is repeated', async () => {
    const runId = await bench.start(reviewing());
    const task = await bench.task();
    let isAway = false;
    bench.here.faults.fate = (operation) => {
      const fate = isAway ? 'fail' : operation === 'commit' ? 'lose-reply' : 'proceed';
      isAway ||= operation === 'commit';
      return fate;
    };
    const refused = await bench.refused(task, DONE);
    expect(refused).toMatchObject({ code: 'store_unavailable', changed: 'unknown' });
    expect(refused.next).toContain('Repeat the same report');
    isAway = false;
    expect(await bench.accepted(task, DONE, bench.there)).toMatchObject({ duplicate: true });
    expect(await bench.status(runId)).toBe('completed');
  });

  it('is refused after another result of the same attempt, which stands', async () => {
    const runId = await bench.start(reviewing());
    const task = await bench.task();
    await bench.accepted(task, DONE);
    for (const said of [{ ...DONE, output: 'else' }, { action: 'fail' } as const]) {
      const refused = await bench.refused(task, said);
      expect(refused).toMatchObject({ code: 'already_reported', changed: 'nothing' });
    }
    expect(await outputOf(runId)).toBe('done');
  });

  it('without an output is null', async () => {
    const runId = await bench.start(reviewing());
    await bench.accepted(await bench.task(), { action: 'complete' });
    expect(await outputOf(runId)).toBeNull();
  });

  it('is recorded in a paused run, which starts nothing after it', async () => {
    const runId = await bench.start(`
name: two
steps:
  - { id: a, uses: agent, with: { capability: review, instructions: A } }
  - { id: b, uses: agent, needs: [a], with: { capability: review, instructions: B } }
`);
    const task = await bench.task();
    await bench.here.application.pauseWorkflow(bench.context, { run_id: runId });
    await bench.accepted(task, DONE);
    expect(await bench.steps(runId)).toEqual({ a: 'completed', b: 'ready' });
  });

  it('that is too large is refused, and the task stays', async () => {
    await bench.start(reviewing());
    const task = await bench.task();
    const output = 'x'.repeat(MAX_PAYLOAD_BYTES);
    const refused = await bench.refused(task, { action: 'complete', output });
    expect(refused).toMatchObject({ code: 'output_too_large', changed: 'nothing' });
    expect(refused.message).toContain('still yours');
    await bench.accepted(task, DONE);
  });
});

describe('what is nested too deeply, or would reach a prototype', () => {
  const DEEP: unknown = JSON.parse('['.repeat(2_500) + ']'.repeat(2_500));
  const REACHING: unknown = JSON.parse('{"a":{"__proto__":1}}');

  it.each([
    [DEEP, 'nested too deeply'],
    [REACHING, 'is not allowed'],
  ])('is refused at the door, and the run stays readable (%#)', async (value, message) => {
    const runId = await bench.start(reviewing());
    const task = await bench.task();
    for (const [code, said] of [
      ['invalid_output', { action: 'complete', output: value }],
      ['invalid_payload', { action: 'heartbeat', payload: value }],
      ['invalid_payload', { action: 'progress', payload: value }],
      ['invalid_payload', { action: 'release', payload: value }],
    ] as const) {
      const refused = await bench.refused(task, said as Said);
      expect(refused).toMatchObject({ code, changed: 'nothing' });
      expect(refused.message).toContain('still yours');
      expect(refused.violations?.[0]?.message).toContain(message);
    }
    await bench.accepted(task, { action: 'fail' });
    expect(
      (await bench.open(99).application.getWorkflow(bench.context, { run_id: runId })).ok,
    ).toBe(true);
  });
});

describe('an output given as text that holds JSON', () => {
  const contract = (type: string) => CONTRACT.replace(/type: object[^]*$/, `type: ${type}\n`);
  const said = (output: string): Said => {
    const parsed = parseArguments(reportTaskInputSchema, { task: 'x', action: 'complete', output });
    return { action: 'complete', output: valueOf(parsed).output };
  };

  it.each([
    ['string', '{"a": 1}'],
    ['object', { a: 1 }],
    ['[string, object]', { a: 1 }],
  ])('is recorded as the contract wants it: %s', async (type, output) => {
    const runId = await bench.start(contract(type));
    const task = await bench.task();
    await bench.accepted(task, said('{"a": 1}'));
    expect(await outputOf(runId)).toEqual(output);
    expect(await bench.accepted(task, said('{"a": 1}'))).toMatchObject({ duplicate: true });
  });

  it('that fits neither way is refused as the JSON it holds', async () => {
    await bench.start(CONTRACT);
    const refused = await bench.refused(await bench.task(), said('{"verdict":"good"}'));
    expect(refused.violations).toEqual([{ path: 'findings', message: 'is required' }]);
  });

  it('counts as that JSON where there is no contract', async () => {
    const runId = await bench.start(reviewing());
    await bench.accepted(await bench.task(), said('[1]'));
    expect(await outputOf(runId)).toEqual([1]);
  });
});

describe('a completion against the contract', () => {
  it('is refused place by place; nothing is recorded and the task stays with the agent', async () => {
    const runId = await bench.start(CONTRACT);
    const task = await bench.task();
    const output: Json = { verdict: 'fine', findings: [{ file: 'a' }, { line: 3 }] };
    const refused = await bench.refused(task, { action: 'complete', output });
    expect(refused).toMatchObject({ code: 'contract_violation', changed: 'nothing' });
    expect(refused.violations?.map(({ path }) => path)).toEqual(['findings[1].file', 'verdict']);
    expect(refused.message).toContain('still yours');
    expect(await bench.types(runId)).toEqual(['WorkflowStarted', 'StepsScheduled']);
    expect(await bench.claim('second', { capabilities: ['review'] })).not.toHaveProperty('task');
    await bench.accepted(task, {
      action: 'complete',
      output: { verdict: 'good', findings: [] },
    });
    expect(await bench.status(runId)).toBe('completed');
  });

  it('leaves the task to others when the agent then says no more', async () => {
    await bench.start(CONTRACT);
    const task = await bench.task();
    await bench.refused(task, { action: 'complete', output: {} });
    await bench.clock.advance(AGENT_LEASE_MS);
    expect((await bench.task('second')).run_id).toBe(task.run_id);
  });

  it('of one who no longer holds the task is told that, and not that it is still his', async () => {
    await bench.start(CONTRACT);
    const task = await bench.task();
    await bench.clock.advance(AGENT_LEASE_MS);
    await bench.task('second');
    const late = [
      { action: 'complete', output: {} },
      { action: 'complete', output: 'x'.repeat(MAX_PAYLOAD_BYTES) },
      { action: 'heartbeat', payload: 'x'.repeat(MAX_HEARTBEAT_CHARS) },
    ] as const;
    for (const said of late) expect(await bench.refused(task, said)).toMatchObject(LOST);
  });

  it('of a run that was cancelled is told that, and not that it is still his', async () => {
    const runId = await bench.start(CONTRACT);
    const task = await bench.task();
    await bench.here.application.cancelWorkflow(bench.context, { run_id: runId });
    expect(await bench.refused(task, { action: 'complete', output: {} })).toMatchObject(LOST);
  });
});

const LOST = { code: 'lease_lost', changed: 'nothing' };

describe('the late report of an agent', () => {
  const REPORTS: readonly Said[] = [
    DONE,
    { action: 'fail', message: 'too hard' },
    { action: 'heartbeat', payload: 1 },
    { action: 'progress', message: 'half' },
    { action: 'release' },
  ];

  const WAYS: Readonly<Record<string, (task: AgentTask) => Promise<unknown>>> = {
    'whose task another claimed': async () => {
      await bench.clock.advance(AGENT_LEASE_MS);
      await bench.task('second');
    },
    'who handed it over to another': (task) =>
      bench.here.application.handoffTask(bench.context, {
        task: task.task,
        to_capability: 'review',
      }),
    'who handed it over to people': (task) =>
      bench.here.application.handoffTask(bench.context, { task: task.task, to_person: 'anyone' }),
    'who released it': (task) => bench.accepted(task, { action: 'release' }),
    'whose attempt timed out and is retried': async () => {
      await bench.clock.advance(6 * MINUTE_MS);
    },
  };

  it.each(
    Object.keys(WAYS).flatMap((way) => REPORTS.map((said) => [way, said.action, said] as const)),
  )('%s is refused (%s), and the run is as it was', async (way, _action, said) => {
    bench.runTimers();
    const definition = reviewing(
      'timeout: 5m',
      'heartbeat: 15m',
      'retry: { maxAttempts: 2, initialDelay: 10ms, jitter: none }',
    );
    const isTimed = way.includes('timed out');
    const runId = await bench.start(isTimed ? definition : reviewing());
    const task = await bench.task();
    await WAYS[way]?.(task);
    const before = await bench.types(runId);
    const refused = await bench.refused(task, said);
    expect(refused).toMatchObject(LOST);
    expect(refused.next).toContain('claim_task');
    expect(await bench.types(runId)).toEqual(before);
  });

  it.each(REPORTS.map((said) => [said.action, said] as const))(
    'of a cancelled run is refused, or told that nobody wants it (%s)',
    async (action, said) => {
      const runId = await bench.start(reviewing());
      const task = await bench.task();
      await bench.here.application.cancelWorkflow(bench.context, { run_id: runId });
      expect(await bench.status(runId)).toBe('cancelled');
      const before = await bench.types(runId);
      if (action === 'complete' || action === 'fail')
        expect(await bench.refused(task, said)).toMatchObject(LOST);
      else expect(await bench.accepted(task, said)).toMatchObject({ cancelled: true });
      expect(await bench.types(runId)).toEqual(before);
    },
  );

  it('whose time was up for good is told so on its heartbeat', async () => {
    bench.runTimers();
    const runId = await bench.start(reviewing('timeout: 5m'));
    const task = await bench.task();
    await bench.clock.advance(5 * MINUTE_MS);
    expect(await bench.status(runId)).toBe('failed');
    const told = await bench.accepted(task, { action: 'heartbeat' });
    expect(told).toMatchObject({ cancelled: true });
    expect(told).not.toHaveProperty('lease_expires_at');
    expect(await bench.refused(task, DONE)).toMatchObject(LOST);
  });

  it('is accepted while nobody else has claimed the task: work that is done is not thrown away', async () => {
    const runId = await bench.start(reviewing());
    const task = await bench.task();
    await bench.clock.advance(10 * AGENT_LEASE_MS);
    await bench.accepted(task, DONE);
    expect(await bench.status(runId)).toBe('completed');
  });

  it('after its successor completed with another result is told that that result stands', async () => {
    const runId = await bench.start(reviewing());
    const task = await bench.task();
    await bench.clock.advance(AGENT_LEASE_MS);
    await bench.accepted(await bench.task('second'), { action: 'complete', output: 'theirs' });
    expect(await bench.refused(task, DONE)).toMatchObject({ code: 'already_reported' });
    expect(await outputOf(runId)).toBe('theirs');
  });
});

describe('a failure', () => {
  const RETRIED = reviewing('retry: { maxAttempts: 3, initialDelay: 1m, jitter: none, factor: 1 }');

  it('is retried by the policy; the next holder is told why and where to resume', async () => {
    bench.runTimers();
    const runId = await bench.start(RETRIED);
    const task = await bench.task();
    await bench.accepted(task, { action: 'heartbeat', payload: { done: ['a.ts'] } });
    await bench.accepted(task, { action: 'fail', code: 'tests_red', message: 'two are red' });
    expect(await bench.steps(runId)).toEqual({ review: 'retrying' });
    expect(await bench.claim('second', { capabilities: ['review'] })).not.toHaveProperty('task');
    await bench.clock.advance(MINUTE_MS);
    expect(await bench.task('second')).toMatchObject({
      attempt: 2,
      previous_error: { code: 'tests_red', message: 'two are red' },
      last_heartbeat: { done: ['a.ts'] },
    });
  });

  it('without a heartbeat of its own keeps the one of the attempt before', async () => {
    bench.runTimers();
    await bench.start(RETRIED);
    const first = await bench.task();
    await bench.accepted(first, { action: 'heartbeat', payload: 7 });
    await bench.accepted(first, { action: 'fail' });
    await bench.clock.advance(MINUTE_MS);
    await bench.accepted(await bench.task('second'), { action: 'fail' }, bench.there);
    await bench.clock.advance(MINUTE_MS);
    expect(await bench.task('third')).toMatchObject({ attempt: 3, last_heartbeat: 7 });
  });

  it('for the last time fails the step and the run', async () => {
    const runId = await bench.start(reviewing());
    const said = { action: 'fail', message: 'cannot be done' } as const;
    await bench.accepted(await bench.task(), said);
    expect(await bench.status(runId)).toBe('failed');
    expect((await bench.events(runId)).at(-2)).toMatchObject({
      type: 'StepFailed',
      error: { code: 'agent_failed', message: 'cannot be done' },
    });
  });

  it('is recorded once, and another one of the same attempt is refused', async () => {
    await bench.start(RETRIED);
    const task = await bench.task();
    const said = { action: 'fail', code: 'tests_red', message: 'two' } as const;
    await bench.accepted(task, said);
    expect(await bench.accepted(task, said)).toMatchObject({ duplicate: true });
    const other = await bench.refused(task, { ...said, message: 'three' });
    expect(other.code).toBe('already_reported');
    expect((await bench.refused(task, DONE)).code).toBe('already_reported');
  });
});

describe('a heartbeat', () => {
  it('renews the lease and leaves its payload for whoever goes on', async () => {
    await bench.start(reviewing());
    const task = await bench.task();
    await bench.clock.advance(14 * MINUTE_MS);
    const kept = await bench.accepted(task, { action: 'heartbeat', payload: { at: 7 } });
    const expires = new Date(bench.clock.now() + AGENT_LEASE_MS).toISOString();
    expect(kept.lease_expires_at).toBe(expires);
    await bench.clock.advance(AGENT_LEASE_MS);
    expect(await bench.task('second')).toMatchObject({ last_heartbeat: { at: 7 } });
  });

  it('without a payload keeps the last one, and so does progress', async () => {
    const runId = await bench.start(reviewing());
    const task = await bench.task();
    await bench.accepted(task, { action: 'heartbeat', payload: { at: 7 } });
    await bench.accepted(task, { action: 'heartbeat' });
    await bench.accepted(task, { action: 'progress', message: 'halfway' });
    expect((await bench.reasons(runId))[0]).toContain('halfway');
    await bench.clock.advance(AGENT_LEASE_MS);
    expect(await bench.task('second')).toMatchObject({ last_heartbeat: { at: 7 } });
  });

  it('of the next attempt keeps what the attempt before left to resume from', async () => {
    bench.runTimers();
    await bench.start(reviewing('retry: { maxAttempts: 2, initialDelay: 1s, jitter: none }'));
    const first = await bench.task();
    await bench.accepted(first, { action: 'heartbeat', payload: { at: 7 } });
    await bench.accepted(first, { action: 'fail' });
    await bench.clock.advance(1_000);
    const second = await bench.task('second', {}, bench.there);
    await bench.accepted(second, { action: 'progress', message: 'looking' });
    await bench.clock.advance(AGENT_LEASE_MS);
    expect(await bench.task('third')).toMatchObject({ last_heartbeat: { at: 7 } });
  });

  it('of an attempt whose time was up is left for the next one', async () => {
    bench.runTimers();
    await bench.start(
      reviewing('timeout: 5m', 'retry: { maxAttempts: 2, initialDelay: 1s, jitter: none }'),
    );
    await bench.accepted(await bench.task(), { action: 'heartbeat', payload: { at: 7 } });
    await bench.clock.advance(5 * MINUTE_MS + 1_000);
    expect(await bench.task('second')).toMatchObject({
      attempt: 2,
      previous_error: { code: 'timeout' },
      last_heartbeat: { at: 7 },
    });
  });

  it('with too large a payload is refused, and the task stays', async () => {
    await bench.start(reviewing());
    const task = await bench.task();
    const payload = 'x'.repeat(MAX_HEARTBEAT_CHARS);
    expect(await bench.refused(task, { action: 'heartbeat', payload })).toMatchObject({
      code: 'payload_too_large',
      changed: 'nothing',
    });
    await bench.accepted(task, { action: 'heartbeat' });
  });

  it('whose payload only just fits is kept, or refused in words: never a mistake of Baton', async () => {
    await bench.start(reviewing());
    const task = await bench.task();
    const payload = 'x'.repeat(MAX_HEARTBEAT_CHARS - 2);
    const message = 'y'.repeat(4_000);
    const said = { action: 'heartbeat', payload, message } as const;
    expect(await bench.refused(task, said)).toMatchObject({ code: 'payload_too_large' });
  });

  it('that adds progress to a payload that only just fits is refused in words, too', async () => {
    await bench.start(reviewing());
    const task = await bench.task();
    const payload = 'x'.repeat(MAX_HEARTBEAT_CHARS - 100);
    await bench.accepted(task, { action: 'heartbeat', payload });
    const said = { action: 'progress', message: 'y'.repeat(4_000) } as const;
    expect(await bench.refused(task, said)).toMatchObject({ code: 'payload_too_large' });
    await bench.accepted(task, DONE);
  });
});

describe('a release', () => {
  it('puts the task back in line at once, uncounted, with the last heartbeat', async () => {
    const runId = await bench.start(reviewing());
    for (let time = 0; time < 10; time += 1) {
      const task = await bench.task(`agent-${time}`);
      await bench.accepted(task, { action: 'release', payload: { time } });
    }
    const next = await bench.task('last');
    expect(next).toMatchObject({ attempt: 1, last_heartbeat: { time: 9 } });
    expect(await bench.types(runId)).toEqual(['WorkflowStarted', 'StepsScheduled']);
  });

  it('of an unsafe task asks for a decision, and says so', async () => {
    const runId = await bench.start(reviewing('effect: unsafe'));
    const task = await bench.task();
    const told = await bench.accepted(task, { action: 'release' });
    expect(told).toMatchObject({ undecided: true });
    expect(told.next).toContain(`explain_workflow {"run_id":"${runId}"}`);
    expect(await bench.steps(runId)).toEqual({ review: 'outcome_unknown' });
    expect(await bench.claim('second', { capabilities: ['review'] })).not.toHaveProperty('task');
  });
});

describe('an unsafe task', () => {
  it('whose agent vanished is offered to nobody: a person decides', async () => {
    const runId = await bench.start(reviewing('effect: unsafe'));
    const task = await bench.task();
    await bench.clock.advance(AGENT_LEASE_MS);
    expect(await bench.claim('second', { capabilities: ['review'] })).not.toHaveProperty('task');
    expect(await bench.steps(runId)).toEqual({ review: 'outcome_unknown' });
    expect(await bench.refused(task, DONE)).toMatchObject(LOST);
  });

  it('is claimed again with the same cursor, though it was begun', async () => {
    await bench.start(reviewing('effect: unsafe'));
    const task = await bench.task('first', { cursor: 'c1' });
    const again = await bench.claim('first', { cursor: 'c1' }, bench.there);
    expect(again.task?.task).toBe(task.task);
    await bench.accepted(task, DONE);
  });
});

describe('the word for a task', () => {
  const reported = (task: string, tenant = 'default') =>
    bench.here.application.reportTask({ ...bench.context, tenant }, { task, ...DONE });

  it('changed in any one character is the word for nothing', async () => {
    const runId = await bench.start(reviewing());
    const { task } = await bench.task();
    for (let at = 0; at < task.length; at += 1) {
      const other = task[at] === '0' ? '1' : '0';
      const forged = `${task.slice(0, at)}${other}${task.slice(at + 1)}`;
      const { code, changed } = errorOf(await reported(forged));
      expect([forged, code, changed]).toEqual([forged, 'unknown_task', 'nothing']);
      const { code: cut } = errorOf(await reported(task.slice(0, at)));
      expect(cut).toBe('unknown_task');
    }
    expect(await bench.types(runId)).toEqual(['WorkflowStarted', 'StepsScheduled']);
  });

  it('is nothing to another tenant, nor on another store', async () => {
    await bench.start(reviewing());
    const { task } = await bench.task();
    expect(errorOf(await reported(task, 'theirs')).code).toBe('unknown_task');
    const store = { ...bench.here.store, secret: 'of another store' };
    const other = createApplication({ ...bench.here.ports, store });
    const refused = await other.reportTask(bench.context, { task, ...DONE });
    expect(errorOf(refused).code).toBe('unknown_task');
    expect(errorOf(refused).next).toContain('claim_task');
  });

  it('may have spaces around it', async () => {
    await bench.start(reviewing());
    const { task } = await bench.task();
    valueOf(await reported(` ${task}\n`));
  });
});
