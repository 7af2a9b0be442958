import { Hono } from 'hono';
import { createMemoryStore } from '../../src/adapters/memory/memory-store.ts';
import { randomIdSource } from '../../src/adapters/system/random-id-source.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { missingScope } from '../../src/application/access/access.ts';
import { loadConfig } from '../../src/config.ts';
import { serveEndpoints } from '../../src/http/serve-endpoints.ts';
import { serveConnections } from '../../src/mcp/http/serve-connections.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { FixtureWatch } from './fixture-watch.ts';
import { buildFixture } from './fixture/build-fixture.ts';

export interface ServedFixture {
  /** Of the MCP endpoint. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves the fixture on a free port of loopback as `baton serve` serves Baton: the same gates, listener and transports of
 * both eras, with the default settings. Only the server object behind them is another.
 */
export async function serveFixture(emptyFolder: string): Promise<ServedFixture> {
  const { config } = await loadConfig({
    cwd: emptyFolder,
    home: emptyFolder,
    environment: { BATON_HTTP_PORT: '0' },
  });
  const [clock, ids, logger] = [systemClock, randomIdSource, silentLogger];
  const store = createMemoryStore({ clock, ids });
  const open = new Set<FixtureWatch>();
  const mcp = serveConnections({
    connect: () => ({
      build: () => buildFixture((event) => open.forEach((watch) => watch.tell(event))),
      watch: new FixtureWatch({ changes: store, clock, logger }, open),
    }),
    clock,
    logger,
  });
  const service = await serveEndpoints({
    settings: config.http,
    ...{ store, clock, ids, logger, mcp },
    rest: new Hono(),
    metrics: async () => ({ contentType: 'text/plain', text: '' }),
    authenticate: async () => ({ ok: false, error: missingScope('admin') }),
    endWaits: () => undefined,
  });
  return { url: `${service.url}/mcp`, close: () => service.close({ graceMs: 0 }) };
}
