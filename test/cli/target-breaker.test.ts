import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BatonFixture, type Running } from './run-baton.ts';

const HANDLER = `
import { defineHandler, StepFailure, z } from 'baton-mcp/handler';

export default defineHandler({
  kind: 'acme.fetch',
  input: z.object({ url: z.string() }),
  target: ({ url }) => 'host:' + new URL(url).host,
  run: async ({ signal }, { url }) => {
    const { status } = await fetch(url, { signal });
    if (status >= 500)
      throw new StepFailure('http_' + status, 'HTTP ' + status, { targetFailure: true });
    return { status };
  },
});
`;

const baton = new BatonFixture();
let server: Server;
let status = 500;
const asked: string[] = [];
let worker: Running;

const handlers = { BATON_HANDLERS: 'fetch.ts' };
const start = async (name: string): Promise<string> =>
  (await baton.run(['run', `${name}.yaml`], handlers)).stdout.trim();

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(status).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  // Which kind of address listen() makes is known.
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const step = (id: string, path: string): string =>
    `  - { id: ${id}, uses: acme.fetch, with: { url: "http://${host}/${path}" } }\n`;
  baton.write('fetch.ts', HANDLER);
  const five = ['a', 'b', 'c', 'd', 'e'].map((id) => step(id, 'early')).join('');
  baton.write('early.yaml', `name: early\nonFailure: continue\nsteps:\n${five}`);
  baton.write('late.yaml', `name: late\nsteps:\n${step('only', 'late')}`);
  worker = baton.start(['worker'], handlers);
  await worker.stdoutMatching(/serves .*handler:acme\.fetch/);
});

afterAll(async () => {
  worker.child.kill('SIGTERM');
  await worker.ended;
  server.close();
  baton.dispose();
});

test('steps whose host is down are put off without using up attempts, and run when it is back', async () => {
  const early = await start('early');
  expect((await baton.run(['watch', early])).code).not.toBe(0);
  expect(asked).toHaveLength(5);

  // The one attempt that it has would be over with the first 500.
  const late = await start('late');
  let explained = await baton.run(['explain', late]);
  while (!explained.stdout.includes('target_down')) {
    expect(explained.stdout).not.toContain('failed');
    explained = await baton.run(['explain', late]);
  }
  expect(explained.stdout).toMatch(/attempt 1 of 1 waits for host:127\.0\.0\.1:\d+, which fails/);
  expect(explained.stdout).toContain('HTTP 500');
  // Another process sees what the worker has announced.
  let doctor = await baton.run(['doctor']);
  while (!/host:127\.0\.0\.1:\d+ fails since .* at worker/.test(doctor.stdout))
    doctor = await baton.run(['doctor']);
  // It was tried, by that one attempt, and is still there.
  while (!asked.includes('/late')) await once(server, 'request');

  status = 200;
  const watched = await baton.run(['watch', late]);
  expect(watched.code).toBe(0);
  const history = (await baton.run(['history', late])).stdout;
  expect(history).toMatch(/only put off until .*HTTP 500/);
  expect(history).not.toContain('attempt 2');
  expect(history).not.toMatch(/attempt \d+ failed/);
});
