import { describe, expect, it } from 'vitest';
import { runTimerWorker } from '../../src/application/engine/timer-worker.ts';
import { TargetGate } from '../../src/application/engine/target-gate.ts';
import { createCockatielBreakers } from '../../src/adapters/cockatiel/cockatiel-breakers.ts';
import { createApplication } from '../../src/application/application.ts';
import { createExecuteCommand } from '../../src/application/commands/execute-command.ts';
import type { AgentTask } from '../../src/application/agents/agent-task.ts';
import type { CallContext } from '../../src/application/use-case.ts';
import { parseDefinition } from '../../src/domain/definition.ts';
import { createRunState } from '../../src/domain/state.ts';
import { settled } from '../support/application.ts';
import { work, workflow } from '../support/given.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { contextOf, createTenantWorld } from '../support/tenant-world.ts';
import { createWorkbench, errorOf, valueOf, type Workbench } from './workbench.ts';

const REVIEW = `
name: review
steps:
  - { id: look, uses: agent, with: { capability: review, instructions: Look at it. } }
`;

const SEES_HOME = `
name: sees
steps: [{ id: home, uses: transform, with: { is: "\${{ has(env.HOME) }}" } }]
output: "\${{ steps.home.output }}"
`;

/** The same names in two tenants. */
class Twins {
  readonly bench: Workbench = createWorkbench();
  readonly ours = contextOf(this.bench, 'ours');
  readonly theirs = contextOf(this.bench, 'theirs');

  async start(context: CallContext, definition = REVIEW, idempotency_key?: string) {
    const { application } = this.bench;
    const { name } = valueOf(await application.registerWorkflow(context, { definition }));
    const started = await application.startWorkflow(context, { workflow: name, idempotency_key });
    return valueOf(started);
  }

  async claim(context: CallContext, agent_id = 'twin', ...capabilities: string[]) {
    const request = { agent_id, capabilities, wait_seconds: 0 };
    const claiming = this.bench.application.claimTask(context, request);
    return valueOf(await settled(this.bench.clock, claiming)).task;
  }

  async held(context: CallContext): Promise<AgentTask> {
    const task = await this.claim(context, 'twin', 'review');
    if (task === undefined) throw new Error('nothing to claim');
    return task;
  }

  async reasons(context: CallContext, run_id: string): Promise<string> {
    const explained = valueOf(await this.bench.application.explainWorkflow(context, { run_id }));
    return explained.reasons.map(({ kind, message }) => `${kind}: ${message}`).join('\n');
  }
}

describe('an agent', () => {
  it('is given the tasks of its tenant, whoever was first', async () => {
    const twins = new Twins();
    const { bench, ours, theirs } = twins;
    const [own, other] = [await twins.start(ours), await twins.start(theirs)];
    expect((await twins.held(theirs)).run_id).toBe(other.run_id);
    expect(await twins.claim(theirs, 'third', 'review')).toBeUndefined();
    const stray = contextOf(bench, 'default');
    expect(await twins.claim(stray, 'twin', 'review')).toBeUndefined();
    expect((await twins.held(ours)).run_id).toBe(own.run_id);
  });

  it('of the default tenant claims from the queues that there were before there were tenants', async () => {
    const twins = new Twins();
    const { bench } = twins;
    await twins.start(bench.context);
    await twins.start(twins.ours);
    const queues = (await bench.store.queueDepths()).map(({ queue }) => queue);
    expect(queues.sort()).toEqual(['agent:ours/review', 'agent:review']);
    expect((await twins.held(bench.context)).step_id).toBe('look');
  });

  it('hands on within its tenant only, though agents of that name are there in another', async () => {
    const twins = new Twins();
    const { application } = twins.bench;
    const { ours, theirs } = twins;
    await application.registerAgent(theirs, { agent_id: 'fixer', capabilities: ['fix'] });
    await twins.start(ours);
    const { task } = await twins.held(ours);
    const refused = await application.handoffTask(ours, { task, to_agent: 'fixer' });
    expect(errorOf(refused)).toMatchObject({ code: 'no_worker' });
    expect(errorOf(refused).next).not.toContain('fixer');
    await application.registerAgent(ours, { agent_id: 'fixer', capabilities: ['fix'] });
    valueOf(await application.handoffTask(ours, { task, to_capability: 'fix', note: 'yours' }));
    expect(await twins.claim(theirs, 'fixer', 'fix')).toBeUndefined();
    const given = await twins.claim(ours, 'fixer', 'fix');
    expect(given?.handover?.note).toBe('yours');
    valueOf(await application.handoffTask(ours, { task: given?.task ?? '', to_agent: 'twin' }));
    expect(await twins.claim(theirs)).toBeUndefined();
    expect((await twins.claim(ours))?.run_id).toBe(given?.run_id);
  });

  it('gets back what it released, what a person returned, and what its caller never heard of', async () => {
    const twins = new Twins();
    const { application } = twins.bench;
    const { ours, theirs } = twins;
    const { run_id } = await twins.start(ours);
    const { task } = await twins.held(ours);
    valueOf(await application.reportTask(ours, { task, action: 'release' }));
    expect(await twins.claim(theirs, 'twin', 'review')).toBeUndefined();
    const again = await twins.held(ours);
    valueOf(await application.handoffTask(ours, { task: again.task, to_person: 'anyone' }));
    const person = { name: 'anna', via: 'operator_key' } as const;
    const returned = { run_id, step_id: 'look', resolution: 'returned', person } as const;
    valueOf(await application.answerTask(ours, returned));
    expect(await twins.claim(theirs, 'twin', 'review')).toBeUndefined();
    const gone = { ...ours, signal: AbortSignal.abort() };
    expect(await twins.claim(gone, 'other', 'review')).toBeUndefined();
    expect(await twins.claim(theirs, 'twin', 'review')).toBeUndefined();
    expect((await twins.held(ours)).run_id).toBe(run_id);
  });

  it('of an unsafe step too', async () => {
    const twins = new Twins();
    const { ours, theirs } = twins;
    const unsafe = REVIEW.replace('uses: agent', 'uses: agent, effect: unsafe');
    const { run_id } = await twins.start(ours, unsafe);
    const gone = { ...ours, signal: AbortSignal.abort() };
    expect(await twins.claim(gone, 'other', 'review')).toBeUndefined();
    expect(await twins.claim(theirs, 'twin', 'review')).toBeUndefined();
    expect((await twins.held(ours)).run_id).toBe(run_id);
  });

  it('of another tenant does not count as somebody who is there', async () => {
    const twins = new Twins();
    const { application } = twins.bench;
    const { ours, theirs } = twins;
    await twins.claim(theirs, 'twin', 'review');
    const { run_id } = await twins.start(ours);
    await twins.start(theirs);
    expect(await twins.reasons(ours, run_id)).toContain('no_worker: attempt 1 of 1 is offered');
    // One waits there: the other tenant's is not counted.
    expect(await twins.reasons(ours, run_id)).toContain('offered to any agent with "review"');
    const health = valueOf(await application.getHealth(ours, {}));
    expect(health.queues).toMatchObject([{ queue: 'agent:review', waiting: 1, leased: 0 }]);
    expect(health.reasons.join()).toContain('1 task(s) wait for any agent with "review"');
    await application.registerAgent(ours, { agent_id: 'mine', capabilities: ['review'] });
    expect(await twins.reasons(ours, run_id)).toContain('(1 waiting there, 0 running)');
    expect(valueOf(await application.getHealth(theirs, {})).reasons.join()).not.toContain(
      'wait for',
    );
  });

  it('that fails again and again is held back in its tenant only', async () => {
    const twins = new Twins();
    const { application } = twins.bench;
    const { ours, theirs } = twins;
    for (let failed = 0; failed < 5; failed += 1) {
      await twins.start(ours);
      const { task } = await twins.held(ours);
      valueOf(await application.reportTask(ours, { task, action: 'fail' }));
    }
    await twins.start(ours);
    await twins.start(theirs);
    expect(await twins.claim(ours, 'twin', 'review')).toBeUndefined();
    expect(await twins.claim(theirs, 'twin', 'review')).toBeDefined();
    expect(valueOf(await application.getHealth(theirs, {})).breakers).toEqual([]);
  });
});

describe('the same name', () => {
  it('of a workflow, a message, a consumer and an idempotency key stands for each tenant’s own', async () => {
    const twins = new Twins();
    const { application } = twins.bench;
    const { ours, theirs } = twins;
    const [own, other] = [
      await twins.start(ours, REVIEW, 'key'),
      await twins.start(theirs, REVIEW, 'key'),
    ];
    expect(own.run_id).not.toBe(other.run_id);
    expect([own.duplicate, other.duplicate]).toEqual([undefined, undefined]);
    const message = { topic: 'orders.new', id: 'same', body: {} };
    for (const context of [ours, theirs]) {
      const published = valueOf(await application.publishMessage(context, message));
      expect(published.duplicate).toBe(false);
    }
    const consumer = { consumer: 'same', topics: ['orders.>'] };
    const callbacks = { onPage: () => Promise.resolve() };
    for (const context of [ours, theirs]) {
      const consumed = await application.consumeTopics(context, consumer, callbacks);
      expect(valueOf(consumed).delivered).toBe(1);
    }
  });
});

describe('a place that another tenant was given', () => {
  it('in a list or in the feed leads to nothing of that tenant', async () => {
    const world = await createTenantWorld();
    const { application, cursors } = world;
    const rival = contextOf(world.bench, 'rival');
    const listed = await application.listWorkflows(rival, { cursor: cursors.runs });
    expect(valueOf(listed)).toEqual({ runs: [] });
    for (const after of ['oldest', cursors.feed]) {
      const told: unknown[] = [];
      await application.followTopics(rival, { after }, ({ messages }) => {
        told.push(...messages);
        return Promise.resolve();
      });
      expect(told).toEqual([]);
    }
  });
});

describe('the health that a tenant is told', () => {
  it('is the same whatever another does', async () => {
    const busy = await createTenantWorld();
    const idle = createWorkbench();
    await idle.announce('shell:make');
    for (const name of ['getHealth', 'getActivity', 'listCatalog'] as const) {
      const told = await busy.application[name](contextOf(busy.bench, 'rival'), {});
      expect(told).toEqual(await idle.application[name](contextOf(idle, 'rival'), {}));
    }
  });

  it('says that the store works, and that nobody runs steps', async () => {
    const bench = createWorkbench();
    const told = valueOf(await bench.application.getHealth(contextOf(bench, 'rival'), {}));
    expect(told).toMatchObject({ isOwnOnly: true, store: { location: 'the server', details: {} } });
    expect(told.reasons.join()).toContain('no worker is alive');
    bench.faults.fate = () => 'fail';
    const down = valueOf(await bench.application.getHealth(contextOf(bench, 'rival'), {}));
    expect(down.reasons).toEqual(['the store does not answer']);
  });

  it('shows an operator what is of others, by the names in the store', async () => {
    const { bench, application, ids } = await createTenantWorld();
    const operator = contextOf(bench, 'default');
    const health = valueOf(await application.getHealth(operator, {}));
    const queues = health.queues.map(({ queue }) => queue).sort();
    expect(queues).toEqual(['agent:acme/canary-cap', 'shell:make']);
    expect(health.breakers.map(({ target }) => target)).toContain('acme/host:canary');
    const { workers } = valueOf(await application.getActivity(operator, {}));
    expect(workers[0]?.holds).toMatchObject([{ tenant: 'acme', runId: ids.runId }]);
  });
});

describe('a checkpoint with a repository', () => {
  it('is for the tenant whose files they are', async () => {
    const { bench, application, acme, ids } = await createTenantWorld();
    let isRead = false;
    bench.repositories.read = () => {
      isRead = true;
      return Promise.reject(new Error('not reached'));
    };
    const point = { run_id: ids.runId, name: 'here', repository: '.' };
    const refused = errorOf(await application.createCheckpoint(acme, point));
    expect(refused).toMatchObject({ code: 'repository_not_available', changed: 'nothing' });
    expect(isRead).toBe(false);
  });
});

describe('the environment that expressions may read', () => {
  it('is the default tenant’s', async () => {
    const { ports, context } = createWorkbench();
    const { store, runs, clock, ids } = ports;
    const env = { HOME: '/home/operator' };
    const execute = createExecuteCommand({ store, runs, clock, ids, env });
    const seen = createApplication({ ...ports, execute });
    const outputs: unknown[] = [];
    for (const tenant of ['default', 'ours']) {
      const caller = { ...context, tenant };
      valueOf(await seen.registerWorkflow(caller, { definition: SEES_HOME }));
      const run = valueOf(await seen.startWorkflow(caller, { workflow: 'sees' }));
      const { output } = valueOf(await seen.getWorkflow(caller, { run_id: run.run_id }));
      outputs.push(output);
    }
    expect(outputs).toEqual([{ is: true }, { is: false }]);
  });
});

describe('the breaker of a target', () => {
  it('is each tenant’s own, under the name that it knows', async () => {
    const bench = createWorkbench();
    const breakers = createCockatielBreakers({
      ...{ logger: silentLogger, clock: bench.clock, elapsedMs: () => bench.clock.now() },
      settingsOf: () => ({ failures: 1, pausesMs: [1_000], maxProbeMs: 60_000 }),
    });
    const parsed = parseDefinition(workflow([work('a')]));
    if (!parsed.ok) throw new Error('no definition');
    const [step] = parsed.plan.steps;
    if (step === undefined) throw new Error('no step');
    const record = createRunState(parsed.plan).steps.get(0);
    const handler = { kind: step.uses, queues: [], target: () => 'host:api', run: () => never() };
    const handlers = new Map([[step.uses, handler]]);
    const gateOf = (tenant: string) =>
      new TargetGate({ handlers, logger: silentLogger, breakers }, tenant);
    const error = { code: 'http_503', message: 'secret of ours', targetFailure: true } as const;
    const first = gateOf('ours');
    expect(first.enter(step, record)).toBeUndefined();
    await first.judge({ kind: 'failed', error }, undefined);
    expect(gateOf('ours').enter(step, record)).toMatchObject({ target: 'host:api' });
    expect(gateOf('theirs').enter(step, record)).toBeUndefined();
    expect(gateOf('default').enter(step, record)).toBeUndefined();
    expect(breakers.list().map(({ target }) => target)).toEqual(['ours/host:api']);
  });
});

describe('the engine', () => {
  it('serves all tenants', async () => {
    const twins = new Twins();
    const { bench, ours, theirs } = twins;
    const timed = 'name: timed\nsteps: [{ id: nap, uses: wait, with: { for: 1h } }]';
    const runs = [await twins.start(ours, timed), await twins.start(theirs, timed)];
    const ending = new AbortController();
    const { store, ports, clock } = bench;
    const working = runTimerWorker({
      ...{ store, execute: ports.execute, clock, logger: silentLogger, owner: 'timers' },
      signal: ending.signal,
    });
    await clock.advance(3_601_000);
    ending.abort();
    await clock.advance(0);
    await working;
    for (const [at, context] of [ours, theirs].entries()) {
      const run_id = runs[at]?.run_id ?? '';
      const { status } = valueOf(await bench.application.getWorkflow(context, { run_id }));
      expect(status).toBe('completed');
    }
  });
});

function never(): Promise<never> {
  return Promise.reject(new Error('not run'));
}
