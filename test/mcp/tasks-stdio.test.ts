import { InMemoryTransport, type JSONRPCMessage } from '@modelcontextprotocol/client';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { serveMcp } from '../../src/mcp/stdio.ts';
import { RELEASE } from '../application/definitions.ts';
import { createWorkbench, type Workbench } from '../application/workbench.ts';
import { collectingLogger } from './connect.ts';

const TASKS = { extensions: { 'io.modelcontextprotocol/tasks': {} } };

/** Messages by hand: the SDK's client takes no task for the result of a tool. */
async function talk(bench: Workbench) {
  const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
  const service = await serveMcp({
    application: bench.application,
    logger: collectingLogger().logger,
    version: '0.0.0-test',
    live: { changes: bench.store, clock: bench.clock },
    onClosed: () => undefined,
    transport: serverSide,
  });
  onTestFinished(() => service.close());
  const heard: JSONRPCMessage[] = [];
  clientSide.onmessage = (message) => void heard.push(message);
  await clientSide.start();
  let lastId = 0;
  return async (method: string, params: object, capabilities: object = TASKS) => {
    lastId += 1;
    const id = lastId;
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'by hand', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': capabilities,
    };
    await clientSide.send({ jsonrpc: '2.0', id, method, params: { ...params, _meta } });
    return vi.waitFor(() => {
      const answer = heard.find((message) => 'id' in message && message.id === id);
      if (answer === undefined) throw new Error('no answer yet');
      return answer;
    });
  };
}

describe('the tasks extension over standard input and output', () => {
  it('makes a task of a start, which is read and cancelled by its id', async () => {
    const bench = createWorkbench();
    await bench.register(RELEASE);
    await bench.announce('shell:make');
    const ask = await talk(bench);
    const args = { name: 'start_workflow', arguments: { workflow: 'release' } };
    const started = await ask('tools/call', args);
    expect(started).toMatchObject({ result: { resultType: 'task', status: 'working' } });
    const result = 'result' in started ? started.result : {};
    const { taskId } = result;
    expect(await ask('tasks/get', { taskId })).toMatchObject({
      result: { resultType: 'complete', taskId, status: 'working' },
    });
    expect(await ask('tasks/cancel', { taskId })).toMatchObject({
      result: { resultType: 'complete' },
    });
    expect(await ask('tasks/get', { taskId }, {})).toMatchObject({
      error: { code: -32_021, data: { requiredCapabilities: TASKS } },
    });
    const [, run_id = ''] = String(taskId).split('.');
    const types = (await bench.events(run_id)).map(({ type }) => type);
    expect(types).toContain('CancellationRequested');
  });

  it('is asked for by notices of tasks, which are not sent', async () => {
    const bench = createWorkbench();
    const ask = await talk(bench);
    const listen = { notifications: { taskIds: ['start.x'] } };
    expect(await ask('subscriptions/listen', listen, {})).toMatchObject({
      error: { code: -32_021, data: { requiredCapabilities: TASKS } },
    });
  });
});
