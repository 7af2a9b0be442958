import { describe, expect, it } from 'vitest';
import { GREET } from '../../application/definitions.ts';
import { createRig } from './rig.ts';

describe('definitions', () => {
  it('are registered as text or as they are, and read back by the Location', async () => {
    const rig = createRig();
    const registered = await rig.post('/definitions', { definition: GREET });
    expect(registered.status).toBe(201);
    expect(registered.json).toMatchObject({ name: 'greet', version: 1, created: true });
    expect(registered.headers.get('location')).toBe('/api/v1/definitions/greet%401');
    const read = await rig.get('/definitions/greet%401');
    expect(read.json).toMatchObject({ name: 'greet', version: 1, hash: registered.field('hash') });
    const again = await rig.post('/definitions', { definition: read.field('definition') });
    expect([again.status, again.field('version'), again.field('created')]).toEqual([200, 1, false]);
    expect((await rig.get('/definitions/greet@1')).json).toEqual(read.json);
    expect((await rig.get('/definitions/greet')).json).toEqual(read.json);
  });

  it('are only checked in a dry run', async () => {
    const rig = createRig();
    const checked = await rig.post('/definitions', { definition: GREET, dry_run: true });
    expect([checked.status, checked.field('dry_run')]).toEqual([200, true]);
    expect(checked.headers.get('location')).toBeNull();
    const missing = await rig.get('/definitions/greet');
    expect([missing.status, missing.field('code')]).toEqual([404, 'unknown_workflow']);
  });

  it('are refused with all their mistakes', async () => {
    const steps = [
      { id: 'a', uses: 'shel' },
      { id: 'b', uses: 'transform', needs: ['c'], with: 1 },
    ];
    const refused = await createRig().post('/definitions', { definition: { name: 'x', steps } });
    expect([refused.status, refused.field('code')]).toEqual([422, 'invalid_definition']);
    expect(refused.field('violations')).toMatchObject([
      { path: 'steps[1].needs[0]', suggestion: 'a' },
      { path: 'steps[0].uses', suggestion: 'shell' },
    ]);
    const polluted = JSON.parse('{"__proto__":{"a":1}}') as unknown;
    const hostile = await createRig().post('/definitions', { definition: polluted });
    expect([hostile.status, hostile.field('code')]).toEqual([422, 'invalid_definition']);
  });

  it('are listed by name, page by page', async () => {
    const rig = createRig();
    const names = Array.from({ length: 60 }, (_, at) => `greet_${String(at).padStart(2, '0')}`);
    for (const name of names) await rig.bench.register(GREET.replace('greet', name));
    const first = await rig.get('/definitions');
    expect(first.field('definitions', 0)).toEqual({
      name: 'greet_00',
      version: 1,
      description: 'Says hello',
    });
    const next = /^<\/api\/v1(.*)>; rel="next"$/.exec(first.headers.get('link') ?? '')?.[1] ?? '';
    const second = await rig.get(next);
    expect(second.field('definitions')).toHaveLength(10);
    expect(second.headers.get('link')).toBeNull();
  });

  it('takes the text alone as application/yaml, and says so to who sends it as something else', async () => {
    const rig = createRig();
    const send = (type: string, body = GREET) =>
      rig.send('/definitions', { method: 'POST', headers: { 'content-type': type }, body });
    const registered = await send('application/yaml; charset=utf-8');
    expect([registered.status, registered.field('name')]).toEqual([201, 'greet']);
    for (const refused of [await send('text/plain'), await send('application/json')]) {
      expect(refused.field('next')).toContain('{"definition": "…"}');
      expect(refused.field('next')).toContain('application/yaml');
    }
    expect((await send('application/yaml', 'name: [')).field('code')).toBe('invalid_definition');
  });
});
