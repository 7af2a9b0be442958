import { LOCAL_CALLER } from '../../src/application/access/access.ts';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { composeBaton, type Baton } from '../../src/composition.ts';
import { loadConfig } from '../../src/config.ts';
import type { WorkflowView } from '../../src/application/runs/get-workflow.ts';
import type { CallContext } from '../../src/application/use-case.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { createAgent, StepFailure, type AgentJob, type AgentOptions } from '../../src/sdk/agent.ts';
import { valueOf } from '../application/workbench.ts';

const CONTEXT: CallContext = { ...LOCAL_CALLER, actor: 'client:test', causationId: 'test' };

const REVIEW = `
name: review
steps:
  - id: read
    uses: agent
    retry: { maxAttempts: 2, initialDelay: 1ms, jitter: none }
    with:
      capability: review
      instructions: Read it
      context: { file: a.txt }
      output: { type: object, required: [lines], properties: { lines: { type: integer } } }
output: '\${{ steps.read.output }}'
`;

interface Site {
  readonly cwd: string;
  readonly baton: Baton;
  readonly start: () => Promise<string>;
  readonly finished: (runId: string) => Promise<WorkflowView>;
}

/** A project with a store of its own, and a process that starts runs and watches them. */
async function site(definition = REVIEW): Promise<Site> {
  const cwd = mkdtempSync(join(tmpdir(), 'baton-agent-'));
  const files = { store: join(cwd, 'baton.db'), log: { file: join(cwd, 'baton.log') } };
  writeFileSync(join(cwd, 'baton.config.json'), JSON.stringify(files));
  const loaded = await loadConfig({ cwd, home: cwd, environment: {} });
  const baton = await composeBaton(loaded, { engine: 'timers' });
  baton.engine?.start();
  onTestFinished(async () => {
    await baton.close();
    rmSync(cwd, { recursive: true });
  });
  const { application } = baton;
  valueOf(await application.registerWorkflow(CONTEXT, { definition }));
  return {
    cwd,
    baton,
    start: async () =>
      valueOf(await application.startWorkflow(CONTEXT, { workflow: 'review' })).run_id,
    finished: async (run_id) => {
      for (let cursor: string | undefined; ;) {
        const seen = valueOf(
          await application.awaitWorkflow(CONTEXT, { run_id, ...(cursor && { cursor }) }),
        );
        if (seen.finished) return valueOf(await application.getWorkflow(CONTEXT, { run_id }));
        cursor = seen.next_cursor;
      }
    },
  };
}

async function running(
  cwd: string,
  handle: AgentOptions['handle'],
  more: Partial<AgentOptions> = {},
): Promise<ReturnType<typeof createAgent>> {
  const agent = createAgent({ name: 'reader', capabilities: ['review'], handle, cwd, ...more });
  await agent.start();
  onTestFinished(() => agent.stop({ graceMs: 0 }));
  return agent;
}

describe('an agent that is a program', () => {
  it('claims tasks, tells how far it is, and completes them', async () => {
    const { cwd, start, finished } = await site();
    const seen: JsonObject[] = [];
    await running(cwd, async (job) => {
      await job.progress('half way');
      await job.heartbeat({ line: 1 });
      seen.push({ instructions: job.instructions, context: job.context ?? null });
      return { lines: 3 };
    });
    const run = await finished(await start());
    expect(run).toMatchObject({ status: 'completed', output: { lines: 3 } });
    expect(seen).toEqual([{ instructions: 'Read it', context: { file: 'a.txt' } }]);
  });

  it('works on as many tasks at once as it was told', async () => {
    const { cwd, start, finished } = await site();
    const arrived = [0, 1, 2].map(() => Promise.withResolvers<undefined>());
    let jobs = 0;
    const handle = async (): Promise<{ lines: number }> => {
      arrived[jobs]?.resolve(undefined);
      jobs += 1;
      // None goes on before all three are here.
      await Promise.all(arrived.map(({ promise }) => promise));
      return { lines: 0 };
    };
    await running(cwd, handle, { concurrency: 3 });
    const runs = await Promise.all([start(), start(), start()]);
    for (const run of runs) expect((await finished(run)).status).toBe('completed');
  });

  it.each([
    ['a failure of its choice', new StepFailure('too_long', 'too many lines'), 'too_long'],
    ['any other error', new Error('broken'), 'handler_error'],
  ])('fails a task by %s, which is retried by the policy', async (_name, thrown, code) => {
    const { cwd, start, finished } = await site();
    const jobs: AgentJob['task'][] = [];
    await running(cwd, (job) => {
      jobs.push(job.task);
      if (jobs.length === 1) throw thrown;
      return { lines: 1 };
    });
    expect((await finished(await start())).status).toBe('completed');
    expect(jobs[1]?.attempt).toBe(2);
    expect(jobs[1]?.previous_error).toEqual({ code, message: thrown.message });
    expect(jobs[1]?.idempotency_key).toBe(jobs[0]?.idempotency_key);
  });

  it('fails a task whose output breaks the contract, with the places', async () => {
    const { cwd, start, finished } = await site();
    await running(cwd, () => ({ lines: 'many' }));
    const run = await finished(await start());
    expect(run.status).toBe('failed');
    expect(run.steps[0]?.error).toMatchObject({ code: 'contract_violation' });
    expect(run.steps[0]?.error?.message).toContain('lines');
  });

  it('fails a task whose output is too large to be recorded', async () => {
    const { cwd, start, finished } = await site(REVIEW.replace('{ type: integer }', '{}'));
    const told: string[] = [];
    const onProblem = ({ message }: Error): void => void told.push(message);
    await running(cwd, () => ({ lines: 'x'.repeat(1_100_000) }), { onProblem });
    const run = await finished(await start());
    expect(run.steps[0]?.error).toMatchObject({ code: 'output_too_large' });
    expect(told[0]).toContain('output_too_large');
  });

  it('goes on with a job whose heartbeat was refused', async () => {
    const { cwd, start, finished } = await site();
    const refused: unknown[] = [];
    await running(cwd, async (job) => {
      await job.heartbeat('x'.repeat(70_000)).catch((error: unknown) => refused.push(error));
      return { lines: job.signal.aborted ? -1 : 5 };
    });
    expect(await finished(await start())).toMatchObject({ output: { lines: 5 } });
    expect(refused).toEqual([expect.objectContaining({ code: 'payload_too_large' })]);
  });

  it('stops a job whose run was cancelled', async () => {
    const { cwd, baton, start, finished } = await site();
    const begun = Promise.withResolvers<undefined>();
    const stopped = Promise.withResolvers<unknown>();
    await running(cwd, async ({ signal }) => {
      const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
      begun.resolve(undefined);
      await aborted;
      stopped.resolve(signal.reason);
      return { lines: 0 };
    });
    const run_id = await start();
    await begun.promise;
    valueOf(await baton.application.cancelWorkflow(CONTEXT, { run_id }));
    expect(await stopped.promise).toBe('cancelled');
    expect((await finished(run_id)).status).toBe('cancelled');
  });

  it('releases what it holds when it is stopped, and another goes on at once', async () => {
    const { cwd, start, finished } = await site();
    const begun = Promise.withResolvers<undefined>();
    const first = await running(cwd, async (job) => {
      await job.heartbeat({ line: 7 });
      const aborted = new Promise((resolve) => job.signal.addEventListener('abort', resolve));
      begun.resolve(undefined);
      await aborted;
      throw new Error('cut off');
    });
    const run = await start();
    await begun.promise;
    await first.stop({ graceMs: 0 });
    const resumed: unknown[] = [];
    await running(
      cwd,
      ({ task }) => {
        resumed.push(task.last_heartbeat);
        return { lines: 9 };
      },
      { name: 'second' },
    );
    expect(await finished(run)).toMatchObject({ status: 'completed', output: { lines: 9 } });
    expect(resumed).toEqual([{ line: 7 }]);
  });

  it('gives a running job time to finish when it is stopped', async () => {
    const { cwd, start, finished } = await site();
    const begun = Promise.withResolvers<undefined>();
    const goOn = Promise.withResolvers<undefined>();
    const agent = await running(cwd, async () => {
      begun.resolve(undefined);
      await goOn.promise;
      return { lines: 2 };
    });
    const run = await start();
    await begun.promise;
    const stopped = agent.stop({ graceMs: 20_000 });
    goOn.resolve(undefined);
    await stopped;
    expect((await finished(run)).status).toBe('completed');
  });

  it('hands a task over, with what the next needs', async () => {
    const { cwd, start, finished } = await site();
    const other: AgentJob['task'][] = [];
    await running(
      cwd,
      ({ task }) => {
        other.push(task);
        return { lines: 4 };
      },
      { name: 'other', capabilities: ['second-look'] },
    );
    await running(cwd, async (job) => {
      await job.handOver({ capability: 'second-look' }, { note: 'is yours', context: { at: 3 } });
      return { lines: -1 };
    });
    expect(await finished(await start())).toMatchObject({ output: { lines: 4 } });
    expect(other[0]?.handover).toEqual({
      from: 'agent:reader',
      note: 'is yours',
      context: { at: 3 },
    });
  });

  it('asks people, and goes on with their answer', async () => {
    const { cwd, baton, start, finished } = await site();
    await running(cwd, async (job) => {
      const { status, choice } = await job.requestApproval({ question: 'Go on?' });
      return { lines: status === 'chosen' && choice === 'approve' ? 1 : 0 };
    });
    const run_id = await start();
    const { application } = baton;
    for (let waits = false; !waits;) {
      const inbox = valueOf(await application.listInbox(CONTEXT, {}));
      waits = inbox.runs.some(({ approvals }) => approvals.length > 0);
      if (!waits) await application.awaitWorkflow(CONTEXT, { run_id, wait_seconds: 1 });
    }
    const person = { name: 'anna', via: 'terminal' } as const;
    valueOf(await application.resolveApproval(CONTEXT, { run_id, resolution: 'chosen', person }));
    expect(await finished(run_id)).toMatchObject({ output: { lines: 1 } });
  });

  it.each([
    { name: 'Not A Name' },
    { capabilities: ['ok', 'not ok'] },
    { concurrency: 0 },
    { concurrency: 1.5 },
  ])('refuses %j', (wrong) => {
    const options = { name: 'a', capabilities: ['b'], handle: () => null, ...wrong };
    expect(() => createAgent(options)).toThrow(RangeError);
  });
});
