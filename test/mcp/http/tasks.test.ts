import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Caller } from '../../../src/application/access/access.ts';
import { GREET, RELEASE, TIMED } from '../../application/definitions.ts';
import { createWorkbench } from '../../application/workbench.ts';
import { askModern, type Answer } from './by-hand.ts';
import { callerWith, serveHttp, type ServedHttp } from './connect-http.ts';

const TASKS = { extensions: { 'io.modelcontextprotocol/tasks': {} } };
const GATE = `
name: gated
steps:
  - { id: gate, uses: approval, with: { question: Deploy it?, choices: [ship] } }
  - { id: two, needs: [gate], uses: approval, with: { question: Sure?, choices: [yes_] } }
`;
const ASKING = { person: 'anna', secret: 'a secret of the store' };

const stateSchema = z.looseObject({
  taskId: z.string(),
  status: z.string(),
  inputRequests: z.record(z.string(), z.unknown()).optional(),
});
type State = z.infer<typeof stateSchema>;

const ask = (
  served: ServedHttp,
  method: string,
  params: Record<string, unknown>,
  { capabilities = TASKS, as }: { capabilities?: object; as?: Caller } = {},
): Promise<Answer> => askModern(served, method, { params, capabilities, ...(as && { as }) });

async function task(
  served: ServedHttp,
  name: string,
  args: object,
  more?: { capabilities?: object; as?: Caller },
): Promise<State> {
  const { result } = await ask(served, 'tools/call', { name, arguments: args }, more);
  expect(result).toMatchObject({ resultType: 'task', ttlMs: null });
  return stateSchema.parse(result);
}

const get = async (
  served: ServedHttp,
  taskId: string,
  more?: { capabilities?: object; as?: Caller },
): Promise<State> => {
  const { result } = await ask(served, 'tasks/get', { taskId }, more);
  expect(result).toMatchObject({ resultType: 'complete' });
  return stateSchema.parse(result);
};

async function release(): Promise<ServedHttp> {
  const served = await serveHttp();
  await served.bench.register(RELEASE);
  await served.bench.announce('shell:make');
  return served;
}

describe('the tasks extension', () => {
  it('is offered to clients of 2026-07-28', async () => {
    const served = await serveHttp();
    const { result } = await askModern(served, 'server/discover');
    expect(result).toMatchObject({ capabilities: TASKS });
    const { client } = await served.connect();
    expect(client.getServerCapabilities()).not.toHaveProperty('extensions');
  });

  it('is not forced on a client that does not declare it', async () => {
    const served = await release();
    const params = { name: 'start_workflow', arguments: { workflow: 'release' } };
    const { result } = await askModern(served, 'tools/call', { params });
    expect(result).toMatchObject({ resultType: 'complete', structuredContent: {} });
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      const refused = await askModern(served, method, { params: { taskId: 'start.x' } });
      expect(refused).toMatchObject({
        status: 400,
        error: { code: -32_021, data: { requiredCapabilities: TASKS } },
      });
    }
    const notifications = { taskIds: ['start.x'], resourceSubscriptions: ['health://status'] };
    const listen = await askModern(served, 'subscriptions/listen', { params: { notifications } });
    expect(listen).toMatchObject({ status: 400, error: { code: -32_021 } });
    expect(served.endpoint.counts().listening).toBe(0);
  });

  it('answers at once what is known at once', async () => {
    const served = await serveHttp();
    await served.bench.register(GREET);
    const started = await ask(served, 'tools/call', {
      name: 'start_workflow',
      arguments: { workflow: 'greet', input: { who: 'x' } },
    });
    expect(started.result).toMatchObject({
      resultType: 'complete',
      structuredContent: { status: 'completed' },
    });
    const refused = await ask(served, 'tools/call', {
      name: 'start_workflow',
      arguments: { workflow: 'nothing' },
    });
    expect(refused.result).toMatchObject({ resultType: 'complete', isError: true });
  });

  it.each(['start_workflow', 'await_workflow'])(
    'makes a task of %s, which has the result in the end; any process answers for it',
    async (name) => {
      const served = await release();
      const { bench } = served;
      const args =
        name === 'start_workflow'
          ? { workflow: 'release', wait_seconds: 20 }
          : { run_id: await bench.start('release') };
      const { taskId, status } = await task(served, name, args);
      expect(status).toBe('working');
      expect(bench.clock.sleeping()).toBe(0);
      expect(await get(served, taskId)).toMatchObject({
        status: 'working',
        statusMessage: expect.stringContaining('0 of 3') as string,
      });
      await bench.complete(await bench.claim('shell:make'), 'ok');
      const other = await serveHttp({ bench });
      expect(await get(other, taskId)).toMatchObject({
        status: 'completed',
        // The run waits for a signal, which the agent may have to send.
        result: { structuredContent: { status: 'running', finished: false } },
      });
      const [, run_id = ''] = taskId.split('.');
      await bench.application.signalWorkflow(bench.context, {
        run_id,
        name: 'approve',
        payload: {},
      });
      const last = await get(other, taskId);
      expect(last).toMatchObject({
        status: 'completed',
        result: { structuredContent: { run_id } },
      });
    },
  );

  it('reads as unknown to another tenant, and where there is no such run', async () => {
    const served = await release();
    const { taskId } = await task(served, 'start_workflow', { workflow: 'release' });
    const stranger = callerWith('k9', { tenant: 'acme' });
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      const foreign = await ask(served, method, { taskId }, { as: stranger });
      expect(foreign).toMatchObject({ error: { code: -32_602 } });
      const absent = await ask(served, method, { taskId: 'start.absent' }, { as: stranger });
      expect(absent.error?.message.replace('start.absent', taskId)).toBe(foreign.error?.message);
      const nonsense = await ask(served, method, { taskId: '../x' });
      expect(nonsense).toMatchObject({ error: { code: -32_602 } });
    }
    expect(await get(served, taskId)).toMatchObject({ status: 'working' });
  });

  it('cancels the run of a start, and leaves alone the run of a wait', async () => {
    const served = await release();
    const { bench } = served;
    await bench.register(TIMED);
    const started = await task(served, 'start_workflow', { workflow: 'timed' });
    const [, run_id = ''] = started.taskId.split('.');
    const waiting = await task(served, 'await_workflow', { run_id });
    const cancelled = await ask(served, 'tasks/cancel', { taskId: waiting.taskId });
    expect(cancelled.result).toMatchObject({ resultType: 'complete' });
    expect(await get(served, started.taskId)).toMatchObject({ status: 'working' });
    await ask(served, 'tasks/cancel', { taskId: started.taskId });
    const types = (await bench.events(run_id)).map(({ type }) => type);
    expect(types).toContain('CancellationRequested');
    expect(await get(served, started.taskId)).toMatchObject({ status: 'cancelled' });
    const again = await ask(served, 'tasks/cancel', { taskId: started.taskId });
    expect(again.result).toMatchObject({ resultType: 'complete' });
  });

  it('does not cancel for a key that may only read', async () => {
    const served = await release();
    const { taskId } = await task(served, 'start_workflow', { workflow: 'release' });
    const as = callerWith('k1', { scopes: ['runs:read'] });
    const refused = await ask(served, 'tasks/cancel', { taskId }, { as });
    expect(refused).toMatchObject({ error: { code: -32_602 } });
    expect(await get(served, taskId)).toMatchObject({ status: 'working' });
  });

  it('asks the user through the task, question by question', async () => {
    const bench = createWorkbench();
    const served = await serveHttp({ bench, askUser: ASKING });
    await bench.register(GATE);
    const more = { capabilities: { ...TASKS, elicitation: {} }, as: callerWith('k1') };
    const { taskId, status } = await task(served, 'start_workflow', { workflow: 'gated' }, more);
    expect(status).toBe('input_required');
    for (const [step, answer] of [
      ['gate', 'ship'],
      ['two', 'yes_'],
    ] as const) {
      const { inputRequests = {} } = await get(served, taskId, more);
      const [key = ''] = Object.keys(inputRequests);
      expect(key).toContain(`${step}@`);
      const inputResponses = {
        [key]: { action: 'accept', content: { answer } },
        'gate@never': { action: 'accept', content: { answer: 'ship' } },
      };
      const updated = await ask(served, 'tasks/update', { taskId, inputResponses }, more);
      expect(updated.result).toMatchObject({ resultType: 'complete' });
    }
    expect(await get(served, taskId, more)).toMatchObject({
      status: 'completed',
      result: { structuredContent: { status: 'completed' } },
    });
  });

  it('takes no answer from a key that may not resolve approvals', async () => {
    const bench = createWorkbench();
    const served = await serveHttp({ bench, askUser: ASKING });
    await bench.register(GATE);
    const run_id = await bench.start('gated');
    const capabilities = { ...TASKS, elicitation: {} };
    const asked = await get(served, `start.${run_id}`, { capabilities });
    const [key = ''] = Object.keys(asked.inputRequests ?? {});
    const as = callerWith('k1', { scopes: ['runs:read', 'runs:write'] });
    const inputResponses = { [key]: { action: 'accept', content: { answer: 'ship' } } };
    const params = { taskId: `start.${run_id}`, inputResponses };
    await ask(served, 'tasks/update', params, { capabilities, as });
    const types = (await bench.events(run_id)).map(({ type }) => type);
    expect(types).not.toContain('ApprovalResolved');
  });
});
