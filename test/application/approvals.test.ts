import { beforeEach, describe, expect, it } from 'vitest';
import type {
  RequestApprovalInput,
  RequestedApproval,
} from '../../src/application/people/request-approval.ts';
import type { ResolveApprovalInput } from '../../src/application/people/resolve-approval.ts';
import { MAX_ASKED_APPROVALS } from '../../src/domain/limits.ts';
import { AgentBench, MINUTE_MS, reviewing } from './agent-bench.ts';
import { errorOf, valueOf } from './workbench.ts';

let bench: AgentBench;

beforeEach(() => {
  bench = new AgentBench();
});

const GATED = `
name: gated
steps:
  - { id: gate, uses: approval, with: { question: Deploy?, choices: [ship, wait], expires: 1h } }
  - { id: after, uses: transform, needs: [gate], with: { chosen: '\${{ steps.gate.output.choice }}' } }
output: { chosen: '\${{ steps.after.output.chosen }}', by: '\${{ steps.gate.output.by }}' }
`;

const ANNA = { name: 'anna', via: 'terminal' } as const;
const BERT = { name: 'bert', via: 'operator_key' } as const;

function ask(
  run_id: string,
  more: Partial<RequestApprovalInput> = {},
  { application } = bench.here,
) {
  const input = { run_id, question: 'May I?', wait_seconds: 0, ...more };
  return bench.outlast(application.requestApproval(bench.context, input));
}

async function asked(
  run_id: string,
  more: Partial<RequestApprovalInput> = {},
): Promise<RequestedApproval> {
  return valueOf(await ask(run_id, more));
}

function resolve(
  run_id: string,
  more: Partial<ResolveApprovalInput> = {},
  { application } = bench.here,
) {
  const input = { run_id, resolution: 'chosen', person: ANNA, ...more } as const;
  return application.resolveApproval(bench.context, input);
}

const inbox = async (person?: string) =>
  valueOf(await bench.here.application.listInbox(bench.context, { person })).runs;

const approvalsOf = async (run_id: string) =>
  valueOf(await bench.here.application.getWorkflow(bench.context, { run_id })).approvals;

describe('an approval step', () => {
  it('stands in the inbox until a person answers, whose answer goes on', async () => {
    const runId = await bench.start(GATED);
    expect(await inbox()).toMatchObject([
      {
        run_id: runId,
        workflow: 'gated',
        approvals: [{ approval_id: 'gate', question: 'Deploy?', choices: ['ship', 'wait'] }],
      },
    ]);
    const answered = valueOf(await resolve(runId, { choice: 'wait', comment: 'Monday' }));
    expect(answered).toMatchObject({ approval_id: 'gate', status: 'completed' });
    expect(answered.output).toEqual({ chosen: 'wait', by: 'anna' });
    expect(await inbox()).toEqual([]);
    const [, , resolved] = await bench.events(runId);
    expect(resolved).toMatchObject({ by: 'anna', via: 'terminal', comment: 'Monday' });
  });

  it('fails when it is rejected, and says by whom', async () => {
    const runId = await bench.start(GATED);
    valueOf(await resolve(runId, { resolution: 'rejected', comment: 'not today' }));
    expect(await bench.status(runId)).toBe('failed');
    expect((await bench.events(runId)).find(({ type }) => type === 'StepFailed')).toMatchObject({
      error: { code: 'rejected', message: 'rejected by anna: not today' },
    });
    expect(await inbox()).toEqual([]);
  });

  it('fails when its time is up, not a moment before, and takes no answer then', async () => {
    bench.runTimers();
    const runId = await bench.start(GATED);
    await bench.clock.advance(60 * MINUTE_MS - 1);
    expect(await inbox()).toHaveLength(1);
    await bench.clock.advance(1);
    expect(await bench.status(runId)).toBe('failed');
    expect(await inbox()).toEqual([]);
    const refused = errorOf(await resolve(runId, { approval_id: 'gate', choice: 'ship' }));
    expect(refused).toMatchObject({ code: 'approval_expired', changed: 'nothing' });
  });

  it('takes one of two answers at once, through whatever process', async () => {
    const runId = await bench.start(GATED);
    const both = await Promise.all([
      resolve(runId, { approval_id: 'gate', choice: 'ship' }),
      resolve(runId, { approval_id: 'gate', choice: 'wait', person: BERT }, bench.there),
    ]);
    expect(both.filter(({ ok }) => ok)).toHaveLength(1);
    const refused = both.find(({ ok }) => !ok);
    if (refused === undefined) throw new Error('both were taken');
    expect(errorOf(refused)).toMatchObject({ code: 'approval_resolved', changed: 'nothing' });
    expect((await bench.types(runId)).filter((type) => type === 'ApprovalResolved')).toHaveLength(
      1,
    );
  });

  it('takes no choice that it does not offer, and none where it offers several', async () => {
    const runId = await bench.start(GATED);
    for (const more of [{ choice: 'burn' }, {}]) {
      const refused = errorOf(await resolve(runId, more));
      expect(refused).toMatchObject({ code: 'unknown_choice', changed: 'nothing' });
      expect(refused.next).toContain('ship, wait');
    }
    expect(await inbox()).toHaveLength(1);
  });

  it('is for those it names: others neither see it as theirs nor answer it', async () => {
    const runId = await bench.start(GATED.replace('choices:', 'approvers: [bert], choices:'));
    expect(await inbox('anna')).toEqual([]);
    expect(await inbox('bert')).toHaveLength(1);
    const refused = errorOf(await resolve(runId, { choice: 'ship' }));
    expect(refused).toMatchObject({ code: 'not_an_approver', changed: 'nothing' });
    valueOf(await resolve(runId, { choice: 'ship', person: BERT }));
  });

  it('is explained: who is waited for, until when, and that no tool answers it', async () => {
    const runId = await bench.start(GATED);
    const [reason] = await bench.reasons(runId);
    expect(reason).toMatch(/^waiting_for_person: waits for a person until 20\S+Z: "Deploy\?"/);
    expect(reason).toContain(`No tool answers it: a person runs "baton approve ${runId} gate"`);
    expect(await bench.steps(runId)).toEqual({ gate: 'waiting', after: 'pending' });
  });

  it('of a cancelled run waits for nobody', async () => {
    const runId = await bench.start(GATED);
    await bench.here.application.cancelWorkflow(bench.context, { run_id: runId });
    expect(await inbox()).toEqual([]);
    const refused = errorOf(await resolve(runId, { approval_id: 'gate', choice: 'ship' }));
    expect(refused.changed).toBe('nothing');
    expect(errorOf(await resolve(runId)).code).toBe('no_approval');
  });
});

describe('the answer to an approval', () => {
  it('that is not there is refused: unknown run, unknown approval, a step of another kind', async () => {
    const runId = await bench.start(reviewing());
    expect(errorOf(await resolve('nowhere', { approval_id: 'gate' })).code).toBe('unknown_run');
    expect(errorOf(await resolve('nowhere')).code).toBe('unknown_run');
    for (const approval_id of ['gate', 'review', 'ask:12345678'])
      expect(errorOf(await resolve(runId, { approval_id })).code).toBe('unknown_approval');
    expect(errorOf(await resolve(runId)).code).toBe('no_approval');
  });

  it('that is not asked yet is refused, and says what has to come first', async () => {
    const runId = await bench.start(`
name: later
steps:
  - { id: go, uses: signal, with: { name: go } }
  - { id: gate, uses: approval, needs: [go], with: { question: Deploy? } }
`);
    const refused = errorOf(await resolve(runId, { approval_id: 'gate' }));
    expect(refused).toMatchObject({ code: 'unknown_approval', changed: 'nothing' });
    expect(refused.message).toContain('not asked yet');
  });

  it('must name it where several wait', async () => {
    const runId = await bench.start(GATED);
    const { approval_id } = await asked(runId);
    const refused = errorOf(await resolve(runId, { choice: 'ship' }));
    expect(refused).toMatchObject({ code: 'which_approval', changed: 'nothing' });
    expect(refused.message).toContain(approval_id);
    expect(refused.message).toContain('gate');
  });
});

describe('an approval that an agent asks for', () => {
  it('waits in the inbox with who asked and on what, while the task goes on', async () => {
    const runId = await bench.start(reviewing());
    const task = await bench.task();
    const { approval_id, status, next } = await asked(runId, { step_id: 'review' });
    expect(status).toBe('waiting');
    expect(next.join()).toContain(`"approval_id":"${approval_id}"`);
    expect(await inbox()).toMatchObject([
      {
        approvals: [
          { approval_id, asked_by: 'client:test', step_id: 'review', choices: ['approve'] },
        ],
      },
    ]);
    const [reason] = await bench.reasons(runId);
    expect(reason).toContain('asked by client:test');
    await bench.accepted(task, { action: 'heartbeat' });
  });

  it('is answered while the call waits, at once', async () => {
    const runId = await bench.start(reviewing());
    const waiting = bench.there.application.requestApproval(bench.context, {
      run_id: runId,
      question: 'May I?',
      choices: ['yes', 'no'],
      wait_seconds: 20,
    });
    await bench.clock.advance(1_000);
    const beganAtMs = bench.clock.now();
    valueOf(await resolve(runId, { choice: 'no', comment: 'not yet' }));
    const answered = valueOf(await bench.outlast(waiting));
    expect(answered).toMatchObject({
      status: 'chosen',
      choice: 'no',
      answered_by: 'anna',
      comment: 'not yet',
      next: [],
    });
    expect(bench.clock.now() - beganAtMs).toBeLessThan(200);
    expect(await inbox()).toEqual([]);
  });

  it('ends its wait in time, and when the caller is gone; the question stands', async () => {
    const runId = await bench.start(reviewing());
    const gone = new AbortController();
    const context = { ...bench.context, signal: gone.signal };
    const input = { run_id: runId, question: 'May I?', wait_seconds: 20 };
    const waiting = bench.here.application.requestApproval(context, input);
    await bench.clock.advance(1_000);
    gone.abort();
    await bench.clock.advance(0);
    const { approval_id } = valueOf(await waiting);
    const beganAtMs = bench.clock.now();
    const again = await asked(runId, { approval_id, wait_seconds: 7 });
    expect(again).toMatchObject({ approval_id, status: 'waiting' });
    expect(bench.clock.now() - beganAtMs).toBe(7_000);
    expect(await inbox()).toHaveLength(1);
  });

  it('asked again with the same key is the same one, in whatever process, and has its answer', async () => {
    const runId = await bench.start(reviewing());
    const more = { idempotency_key: 'k1' };
    const first = await asked(runId, more);
    const again = valueOf(await ask(runId, more, bench.there));
    expect(again.approval_id).toBe(first.approval_id);
    valueOf(await resolve(runId));
    expect(await asked(runId, more)).toMatchObject({ status: 'chosen', choice: 'approve' });
    expect(await approvalsOf(runId)).toHaveLength(1);
    const other = errorOf(await ask(runId, { ...more, question: 'May I else?' }));
    expect(other).toMatchObject({ code: 'idempotency_key_reused', changed: 'nothing' });
  });

  it('without a key is a new one every time', async () => {
    const runId = await bench.start(reviewing());
    const ids = [await asked(runId), await asked(runId)].map(({ approval_id }) => approval_id);
    expect(new Set(ids).size).toBe(2);
  });

  it('expires when its time is up, which the waiting call is told; no answer counts then', async () => {
    bench.runTimers();
    const runId = await bench.start(reviewing());
    const waiting = await asked(runId, { expires_seconds: 10, wait_seconds: 20 });
    expect(waiting).toMatchObject({ status: 'expired', next: [] });
    const { approval_id } = waiting;
    expect(errorOf(await resolve(runId, { approval_id })).code).toBe('approval_expired');
    expect(await inbox()).toEqual([]);
    expect(await bench.status(runId)).toBe('running');
  });

  it('rejected tells the agent so and lets the run go on', async () => {
    const runId = await bench.start(reviewing());
    const { approval_id } = await asked(runId);
    valueOf(await resolve(runId, { resolution: 'rejected', comment: 'no' }));
    expect(await asked(runId, { approval_id })).toMatchObject({
      status: 'rejected',
      answered_by: 'anna',
      comment: 'no',
    });
    expect(errorOf(await resolve(runId, { approval_id })).code).toBe('approval_resolved');
    expect(await bench.status(runId)).toBe('running');
  });

  it('that was never asked is not waited for', async () => {
    const runId = await bench.start(reviewing());
    const refused = errorOf(await ask(runId, { approval_id: 'ask:00000000', wait_seconds: 20 }));
    expect(refused).toMatchObject({ code: 'unknown_approval', changed: 'nothing' });
  });

  it('needs a question, good choices, a run and a step that are there', async () => {
    const runId = await bench.start(reviewing());
    const codeOf = async (more: Partial<RequestApprovalInput>, run = runId) =>
      errorOf(await ask(run, more)).code;
    const { application } = bench.here;
    const bare = await application.requestApproval(bench.context, { run_id: runId });
    expect(errorOf(bare).code).toBe('invalid_arguments');
    expect(await codeOf({ choices: ['a', 'a'] })).toBe('invalid_arguments');
    expect(await codeOf({ choices: ['reject'] })).toBe('invalid_arguments');
    expect(await codeOf({ step_id: 'nothing' })).toBe('unknown_step');
    expect(await codeOf({}, 'nowhere')).toBe('unknown_run');
    expect(await inbox()).toEqual([]);
    await bench.accepted(await bench.task(), { action: 'complete' });
    expect(await codeOf({})).toBe('already_finished');
  });

  it('is bounded in number', async () => {
    const runId = await bench.start(reviewing());
    for (let at = 0; at < MAX_ASKED_APPROVALS; at += 1) await asked(runId);
    expect(errorOf(await ask(runId)).code).toBe('too_many_approvals');
  });
});

describe('an approval of a run that ended without an answer', () => {
  /** The agent asks, and completes its task without waiting. */
  async function overtaken(): Promise<{ runId: string; approval_id: string }> {
    const runId = await bench.start(reviewing());
    const task = await bench.task();
    const { approval_id } = await asked(runId);
    await bench.accepted(task, { action: 'complete', output: 1 });
    expect(await bench.status(runId)).toBe('completed');
    return { runId, approval_id };
  }

  it('waits for nobody: neither the inbox nor any text says so', async () => {
    const { runId, approval_id } = await overtaken();
    expect(await inbox()).toEqual([]);
    expect(await approvalsOf(runId)).toMatchObject([{ approval_id, status: 'withdrawn' }]);
    expect(await bench.reasons(runId)).toEqual([]);
    const view = valueOf(
      await bench.here.application.getWorkflow(bench.context, { run_id: runId }),
    );
    expect(view.attention).toEqual([]);
  });

  it('is not waited for by the agent, either', async () => {
    const { runId, approval_id } = await overtaken();
    const beganAtMs = bench.clock.now();
    const told = await asked(runId, { approval_id, wait_seconds: 20 });
    expect(told).toMatchObject({ status: 'withdrawn', next: [] });
    expect(bench.clock.now() - beganAtMs).toBeLessThan(1_000);
  });

  it('takes no answer any more', async () => {
    const { runId, approval_id } = await overtaken();
    const refused = errorOf(await resolve(runId, { approval_id }));
    expect(refused).toMatchObject({ code: 'already_finished', changed: 'nothing' });
    expect(errorOf(await resolve(runId)).code).toBe('no_approval');
  });

  it('wakes the agent that waits for it when its run is cancelled', async () => {
    const runId = await bench.start(reviewing());
    const waiting = ask(runId, { wait_seconds: 20 });
    await bench.here.application.cancelWorkflow(bench.context, { run_id: runId });
    expect(valueOf(await waiting)).toMatchObject({ status: 'withdrawn' });
    expect(await inbox()).toEqual([]);
  });
});

describe('the inbox', () => {
  it('lists what waits in every run, newest first, and nothing else', async () => {
    const gated = await bench.start(GATED);
    await bench.clock.advance(1_000);
    const idle = await bench.start(reviewing());
    await bench.clock.advance(1_000);
    const asking = await bench.start(reviewing());
    await asked(asking);
    expect((await inbox()).map(({ run_id }) => run_id)).toEqual([asking, gated]);
    expect((await inbox()).map(({ run_id }) => run_id)).not.toContain(idle);
  });

  it('goes on from page to page without losing any', async () => {
    const started: string[] = [];
    for (let run = 0; run < 60; run += 1) {
      started.push(await bench.start(GATED));
      await bench.clock.advance(1);
    }
    const seen: string[] = [];
    for (let cursor: string | undefined, page = 0; page < 5; page += 1) {
      const { runs, next_cursor } = valueOf(
        await bench.here.application.listInbox(bench.context, { cursor }),
      );
      seen.push(...runs.map(({ run_id }) => run_id));
      cursor = next_cursor;
      if (cursor === undefined) break;
    }
    expect(seen).toEqual(started.toReversed());
  });

  it('is nobody else’s: another tenant sees none of it', async () => {
    await bench.start(GATED);
    const theirs = { ...bench.context, tenant: 'theirs' };
    expect(valueOf(await bench.here.application.listInbox(theirs, {})).runs).toEqual([]);
  });
});
