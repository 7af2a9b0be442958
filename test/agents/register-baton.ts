import { readServedUrl } from '../support/read-served-url.ts';
import { createBatonCli, startBaton } from './baton-cli.ts';
import type { AgentClient } from './clients/agent-client.ts';
import { startRecordingRelay, type HttpCall, type RecordingRelay } from './recording-relay.ts';
import type { Workplace } from './workplace.ts';

export const TRANSPORTS = ['stdio', 'http'] as const;
/** How the client reaches Baton: a process that it starts, or `baton serve`. */
export type Transport = (typeof TRANSPORTS)[number];

/** All that an agent needs, and nothing that a person decides. */
const SCOPES = 'runs:read,runs:write,agents:work';

export interface Registered {
  /** What the client asked over HTTP so far; empty over stdio. */
  readonly calls: readonly HttpCall[];
  close(): Promise<void>;
}

/** Registers Baton in the client by `baton connect`; over HTTP a server runs, behind a key, until `close`. */
export async function registerBaton(
  transport: Transport,
  client: AgentClient,
  main: string,
  workplace: Workplace,
): Promise<Registered> {
  const baton = createBatonCli(main, workplace);
  if (transport === 'http') return registerServer(client, main, workplace);
  await baton.run('connect', client.name);
  return { calls: [], close: () => Promise.resolve() };
}

async function registerServer(
  client: AgentClient,
  main: string,
  workplace: Workplace,
): Promise<Registered> {
  const baton = createBatonCli(main, workplace);
  const key = (await baton.run('keys', 'create', client.name, '--scopes', SCOPES)).trim();
  const server = startBaton(main, workplace, ['serve', '--port', '0'], {
    BATON_HTTP_AUTH: 'required',
  });
  let relay: RecordingRelay | undefined;
  const close = async (): Promise<void> => {
    await relay?.close();
    await server.end();
  };
  try {
    const url = await readServedUrl(server);
    await expectRefusal(`${url}/mcp`);
    relay = await startRecordingRelay(url);
    const header = `Authorization=Bearer ${key}`;
    const mcp = `${relay.url}/mcp`;
    const said = await baton.run('connect', client.name, '--http', mcp, '--header', header);
    if (said.includes(key)) throw new Error('baton connect showed the key');
    relay.forget(); // what baton connect asked itself
    return { calls: relay.calls, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Else what follows would say nothing of keys. */
async function expectRefusal(url: string): Promise<void> {
  const { status } = await fetch(url, { method: 'POST', body: '{}' });
  if (status !== 401) throw new Error(`without a key the server answered ${status}, not 401`);
}
