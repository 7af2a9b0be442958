import { describe, expect, it } from 'vitest';
import { RELEASE } from '../../application/definitions.ts';
import { createRig } from './rig.ts';

describe('GET /health', () => {
  it('says what is wrong, and nothing of the machine', async () => {
    const rig = createRig();
    await rig.bench.register(RELEASE);
    await rig.bench.start('release');
    const alone = await rig.get('/health');
    expect(alone.json).toMatchObject({
      status: 'degraded',
      store: { kind: 'memory', schema_version: 1 },
      queues: [{ queue: 'shell:make', waiting: 1, leased: 0 }],
    });
    await rig.bench.announce('shell:make');
    const served = await rig.get('/health');
    expect(served.json).toMatchObject({
      status: 'ok',
      workers: [{ worker_id: 'worker-1', limit: 2 }],
    });
    expect(served.text).not.toMatch(/location|host|pid/);
  });
});

describe('POST /messages', () => {
  it('publishes once under one id', async () => {
    const rig = createRig();
    const message = { topic: 'orders.new', body: '[1]', id: 'order-1' };
    const first = await rig.post('/messages', message);
    const again = await rig.post('/messages', message);
    expect([first.status, again.status, again.field('duplicate')]).toEqual([201, 200, true]);
    const { items } = await rig.bench.store.readFeed({ tenant: 'default', limit: 10 });
    expect(items).toMatchObject([{ topic: 'orders.new', id: 'order-1', body: '[1]' }]);
    // The first body stays, as the document says at `id`.
    const other = await rig.post('/messages', { ...message, body: 'other' });
    expect([other.status, other.field('duplicate')]).toEqual([200, true]);
    const after = await rig.bench.store.readFeed({ tenant: 'default', limit: 10 });
    expect(after.items).toEqual(items);
  });

  it('refuses topics of the engine, and bodies that are none', async () => {
    const rig = createRig();
    const refusals = [
      [{ topic: 'runs.fake', body: 1 }, 422, 'invalid_topic'],
      [{ topic: 'a.b' }, 422, 'invalid_arguments'],
      [{ topic: 'a.b', body: 'x'.repeat(70_000) }, 413, 'payload_too_large'],
      [{ topic: 'a.b', body: JSON.parse('{"__proto__":1}') as unknown }, 422, 'invalid_payload'],
    ] as const;
    for (const [body, status, code] of refusals) {
      const refused = await rig.post('/messages', body);
      expect([refused.status, refused.field('code')]).toEqual([status, code]);
    }
  });
});
