import { describe, expect, it } from 'vitest';
import { SCOPES } from '../../../src/application/access/access.ts';
import { useCaseProbes } from '../../support/use-case-probes.ts';
import {
  CANARY,
  contextOf,
  createTenantWorld,
  idsOfNobody,
  toldBeside,
  viewOfAcme,
  type Ids,
  type TenantWorld,
} from '../../support/tenant-world.ts';
import { askModern, openSession } from './by-hand.ts';
import { callerWith, ERAS, serveHttp, type ServedHttp } from './connect-http.ts';

const TASKS = { extensions: { 'io.modelcontextprotocol/tasks': {} } };
const RIVAL = callerWith('k2', { tenant: 'rival', scopes: SCOPES });

async function serve({ bench, application }: TenantWorld): Promise<ServedHttp> {
  return serveHttp({ bench, application });
}

describe('over HTTP, a caller of another tenant', () => {
  it.each(['tasks/get', 'tasks/update', 'tasks/cancel'])(
    'learns and changes nothing by %s',
    async (method) => {
      const [theirs, nobodys] = [await createTenantWorld(), await createTenantWorld()];
      const absent = idsOfNobody(nobodys);
      const before = await viewOfAcme(theirs);
      const ask = async (world: TenantWorld, ids: Ids): Promise<string> => {
        const served = await serve(world);
        const params = { taskId: `start.${ids.runId}` };
        const told = await askModern(served, method, { params, capabilities: TASKS, as: RIVAL });
        return toldBeside(ids, told);
      };
      const told = await ask(theirs, theirs.ids);
      expect(told).toContain('unknown_task');
      expect(told).toBe(await ask(nobodys, absent));
      expect(told).not.toContain(CANARY);
      expect(await viewOfAcme(theirs)).toBe(before);
    },
  );

  it.each(ERAS)('is answered as itself beside acme, under the same ids (%s)', async (_, era) => {
    const world = await createTenantWorld();
    const served = await serve(world);
    const acme = await served.connect(era, callerWith('k1', { tenant: 'acme' }));
    const rival = await served.connect(era, RIVAL);
    const { runId: run_id } = world.ids;
    const asked = Array.from({ length: 20 }, () => [
      acme.call('get_workflow', { run_id }),
      rival.call('get_workflow', { run_id }),
    ]);
    const answers = await Promise.all(asked.flat());
    for (const [at, answer] of answers.entries()) {
      const text = JSON.stringify(answer);
      if (at % 2 === 0) expect(text).toContain(CANARY);
      else expect(text).not.toContain(CANARY);
    }
  });

  it('has no part in a session of acme, nor has another key of acme', async () => {
    const world = await createTenantWorld();
    const served = await serve(world);
    const acme = callerWith('k1', { tenant: 'acme' });
    const session = await openSession(served, acme);
    const list = { jsonrpc: '2.0', id: 7, method: 'resources/list', params: {} };
    const send = async (as: typeof acme): Promise<string> => {
      const response = await served.post(list, { 'mcp-session-id': session }, as);
      return `${response.status} ${await response.text()}`;
    };
    expect(await send(acme)).toContain(CANARY);
    const sameId = callerWith('k1', { tenant: 'rival', scopes: SCOPES });
    for (const other of [RIVAL, sameId, callerWith('k3', { tenant: 'acme' })]) {
      const told = await send(other);
      expect(told).toMatch(/^404 /);
      expect(told).not.toContain(CANARY);
    }
  });

  it('is the caller that its use cases see', async () => {
    const world = await createTenantWorld();
    const served = await serve(world);
    const { call } = await served.connect(ERAS[1][1], RIVAL);
    await call('register_agent', { agent_id: 'rivals-agent' });
    const own = contextOf(world.bench, 'rival');
    const known = await useCaseProbes.listAgents(world.application, own, world.ids);
    expect(JSON.stringify(known)).toContain('rivals-agent');
    expect(await viewOfAcme(world)).not.toContain('rivals-agent');
  });
});
