import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { BatonFixture } from '../cli/run-baton.ts';
import { MODERN } from './connect.ts';

const GATED = `
name: gated
steps:
  - { id: gate, uses: signal, with: { name: go } }
`;

const baton = new BatonFixture();
beforeAll(() => {
  baton.write('gated.yaml', GATED);
});
afterAll(() => baton.dispose());

/** The official client and a `baton mcp` process of its own; both end with the test. */
async function connect(options: ConstructorParameters<typeof Client>[1]): Promise<Client> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [new URL('../../src/main.ts', import.meta.url).pathname, 'mcp', '--read-only'],
    env: { PATH: process.env.PATH ?? '', HOME: baton.root, BATON_STORE: baton.store },
    cwd: baton.cwd,
  });
  const client = new Client({ name: 'test', version: '1' }, options);
  await client.connect(transport);
  onTestFinished(() => client.close());
  return client;
}

/** Resolves with the first address that the client is told of. */
function firstUpdate(client: Client): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  client.setNotificationHandler('notifications/resources/updated', ({ params }) =>
    resolve(params.uri),
  );
  return promise;
}

function listChange(client: Client): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  client.setNotificationHandler('notifications/resources/list_changed', () => resolve(undefined));
  return promise;
}

describe.each([
  ['before 2026-07-28', undefined],
  ['of 2026-07-28', MODERN],
] as const)('baton mcp and a client %s', (_, options) => {
  test('tells of what another process changes in a run', async () => {
    const { stdout } = await baton.run(['run', 'gated.yaml']);
    const run = stdout.trim();
    const uri = `workflow://runs/${run}/history`;
    const client = await connect(options);
    const updated = firstUpdate(client);
    if (options === undefined) await client.subscribeResource({ uri });
    else await client.listen({ resourceSubscriptions: [uri] });
    await baton.run(['signal', run, 'go']);
    expect(await updated).toBe(uri);
    const { contents } = await client.readResource({ uri });
    expect(JSON.stringify(contents)).toContain('SignalReceived');
  });

  test('tells of a run that another process starts, and lists it then', async () => {
    const client = await connect(options);
    const changed = listChange(client);
    await client.listResources();
    if (options !== undefined) await client.listen({ resourcesListChanged: true });
    const { stdout } = await baton.run(['run', 'gated.yaml']);
    await changed;
    const { resources } = await client.listResources({}, { cacheMode: 'refresh' });
    expect(resources.map(({ uri }) => uri)).toContain(`workflow://runs/${stdout.trim()}`);
  });
});
