import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BatonFixture, type Running } from './run-baton.ts';

/** Each tells when it begins; none lets its thread's event loop turn. */
const HANDLERS = `
import { appendFileSync } from 'node:fs';
import { defineHandler } from 'baton-mcp/handler';
const begin = ({ workspace, step }) => appendFileSync(workspace + '/begun', step + ' ');
export const crunch = defineHandler({
  kind: 'acme.crunch',
  cpuBound: true,
  run(context) {
    begin(context);
    for (const endMs = Date.now() + 3_000; Date.now() < endMs;);
    return 'crunched';
  },
});
export const search = defineHandler({
  kind: 'acme.search',
  cpuBound: true,
  run(context) {
    begin(context);
    console.log('searching');
    for (;;) context.signal.throwIfAborted();
  },
});`;
const BUSY = `
name: busy
onFailure: continue
steps:
  - { id: crunch, uses: acme.crunch }
  - { id: search, uses: acme.search, timeout: 1s }
  - { id: a, uses: shell, with: { command: [sh, -c, "true"] } }
  - { id: b, uses: shell, needs: [a], with: { command: [sh, -c, "true"] } }
  - { id: c, uses: wait, needs: [b], with: { for: 100ms } }
`;
const SEARCHING = 'name: searching\nsteps: [{ id: again, uses: acme.search }]\n';

const baton = new BatonFixture();
let worker: Running;
beforeAll(async () => {
  baton.write('compute.js', HANDLERS);
  baton.write('baton.config.yaml', 'handlers: [./compute.js]\n');
  baton.write('busy.yaml', BUSY);
  baton.write('searching.yaml', SEARCHING);
  // Shorter than what is computed at a stretch: without renewals it would be lost.
  const environment = { BATON_WORKER_LEASE_DURATION_MS: '2000' };
  worker = baton.start(['worker', '--concurrency', '8'], environment);
  await worker.stdoutMatching(/serves/);
});
afterAll(() => baton.dispose());

interface Shown {
  readonly steps: readonly { id: string; status: string; attempts: number; error?: string }[];
}

test('computing for seconds delays no renewal and no other step, and ends at its time limit', async () => {
  const runId = (await baton.run(['run', 'busy.yaml'])).stdout.trim();
  expect((await baton.run(['watch', runId])).code).toBe(6);
  const shown = (await baton.json(['show', runId])).value as Shown; // its documented form
  const of = (id: string) => shown.steps.find((step) => step.id === id);
  expect(of('crunch')).toMatchObject({ status: 'completed', attempts: 1 });
  expect(of('search')).toMatchObject({ status: 'failed', attempts: 1 });
  const { stdout } = await baton.run(['history', runId]);
  const at = (pattern: RegExp): number => stdout.search(pattern);
  expect(at(/ c completed/)).toBeGreaterThan(0);
  expect(at(/ c completed/)).toBeLessThan(at(/ crunch completed/));
  expect(stdout).toMatch(/search .*timeout/);
  // Begun once each: no lease was lost, and no worker was replaced.
  const begun = readFileSync(join(baton.cwd, 'begun'), 'utf8').trim().split(' ');
  expect(begun.sort()).toEqual(['crunch', 'search']);
});

test('a cancellation ends it', async () => {
  const runId = (await baton.run(['run', 'searching.yaml'])).stdout.trim();
  await baton.fileMatching('begun', /again/);
  await baton.run(['cancel', runId]);
  expect((await baton.run(['watch', runId])).code).toBe(7);
  worker.child.kill('SIGTERM');
  const { code, stdout, stderr } = await worker.ended;
  expect(code).toBe(0);
  expect(stdout).not.toContain('searching');
  expect(stderr).toContain('searching');
});
