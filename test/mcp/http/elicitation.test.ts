import type { ClientOptions } from '@modelcontextprotocol/client';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Caller } from '../../../src/application/access/access.ts';
import { createWorkbench } from '../../application/workbench.ts';
import { textOf } from '../connect.ts';
import { askModern } from './by-hand.ts';
import { callerWith, ERAS, serveHttp, type ServedHttp } from './connect-http.ts';

const GATE = `
name: gated
steps:
  - { id: gate, uses: approval, with: { question: Deploy it?, choices: [ship, wait] } }
output: { chosen: '\${{ steps.gate.output.choice }}' }
`;
const ASKING = { person: 'anna', secret: 'a secret of the store' };
const CAPABILITIES = { elicitation: {} };

async function gated(
  served: ServedHttp,
  options: ClientOptions,
  said: { action: 'accept'; content: Record<string, string> } | { action: 'decline' },
  as?: Caller,
) {
  const session = await served.connect({ ...options, capabilities: CAPABILITIES }, as);
  const asked: string[] = [];
  session.client.setRequestHandler('elicitation/create', ({ params }) => {
    asked.push(params.message);
    return said;
  });
  await served.bench.register(GATE);
  const run_id = await served.bench.start('gated');
  return { ...session, run_id, asked };
}

const resolutionOf = async (served: ServedHttp, run: string) =>
  (await served.bench.events(run)).find(({ type }) => type === 'ApprovalResolved');

describe.each(ERAS)('an approval put to the user over HTTP (%s era)', (_era, options) => {
  const SHIP = { action: 'accept', content: { answer: 'ship' } } as const;

  it('is answered by the holder of the key', async () => {
    const served = await serveHttp({ askUser: ASKING });
    const { call, run_id, asked } = await gated(served, options, SHIP, callerWith('k1'));
    const awaited = textOf(await call('await_workflow', { run_id }));
    expect(awaited).toContain('{"chosen":"ship"}');
    expect(asked).toEqual([expect.stringContaining('Deploy it?')]);
    expect(await resolutionOf(served, run_id)).toMatchObject({
      by: 'name of k1',
      via: 'operator_key',
    });
  });

  it('is answered by the local user where no key was asked for', async () => {
    const served = await serveHttp({ askUser: ASKING });
    const { call, run_id } = await gated(served, options, SHIP);
    await call('await_workflow', { run_id });
    expect(await resolutionOf(served, run_id)).toMatchObject({ by: 'anna', via: 'elicitation' });
  });

  it('is not put to one whose key may not resolve it', async () => {
    const served = await serveHttp({ askUser: ASKING });
    const as = callerWith('k1', { scopes: ['runs:read', 'runs:write', 'agents:work'] });
    const { call, run_id, asked } = await gated(served, options, SHIP, as);
    const awaited = textOf(await call('await_workflow', { run_id, wait_seconds: 0 }));
    expect(awaited).toContain('waiting_for_person');
    expect(asked).toEqual([]);
  });

  it('is not put again to one who would rather not say, but to others', async () => {
    const served = await serveHttp({ askUser: ASKING });
    const declining = await gated(served, options, { action: 'decline' }, callerWith('k1'));
    const { run_id } = declining;
    for (let at = 0; at < 2; at += 1)
      await declining.call('await_workflow', { run_id, wait_seconds: 0 });
    expect(declining.asked).toHaveLength(1);
    const other = await gated(served, options, SHIP, callerWith('k2'));
    expect(textOf(await other.call('await_workflow', { run_id }))).toContain('ship');
  });
});

describe('what the client carries between two rounds', () => {
  const shapeSchema = z.looseObject({
    resultType: z.literal('input_required'),
    requestState: z.string(),
    inputRequests: z.record(z.string(), z.unknown()),
  });
  const K1 = callerWith('k1');

  async function asked() {
    const bench = createWorkbench();
    const served = await serveHttp({ bench, askUser: ASKING });
    await bench.register(GATE);
    const run_id = await bench.start('gated');
    const params = { name: 'await_workflow', arguments: { run_id, wait_seconds: 0 } };
    const { result } = await askModern(served, 'tools/call', {
      params,
      capabilities: CAPABILITIES,
      as: K1,
    });
    const { requestState, inputRequests } = shapeSchema.parse(result);
    expect(Object.keys(inputRequests)).toEqual(['gate']);
    const inputResponses = { gate: { action: 'accept', content: { answer: 'ship' } } };
    return { bench, served, run_id, retry: { ...params, requestState, inputResponses } };
  }

  it('is understood by another process of the same store', async () => {
    const { bench, run_id, retry } = await asked();
    const other = await serveHttp({ bench, askUser: ASKING });
    const request = { params: retry, capabilities: CAPABILITIES, as: K1 };
    const { result } = await askModern(other, 'tools/call', request);
    expect(result).toMatchObject({ structuredContent: { status: 'completed' } });
    expect(await resolutionOf(other, run_id)).toMatchObject({ by: 'name of k1' });
  });

  it.each([
    ['of another caller', {}, callerWith('k2')],
    ['of another tool', { name: 'request_approval' }, K1],
    ['of other arguments', { arguments: { run_id: 'other', wait_seconds: 0 } }, K1],
    ['that was changed', { requestState: 'v1.e30.AAAA' }, K1],
  ])('counts for nothing in a call %s', async (_name, changes, as) => {
    const { served, run_id, retry } = await asked();
    const params = { ...retry, ...changes };
    const answer = await askModern(served, 'tools/call', {
      params,
      capabilities: CAPABILITIES,
      as,
    });
    expect(answer).toMatchObject({ error: { code: -32_602 } });
    expect(await resolutionOf(served, run_id)).toBeUndefined();
  });
});
