import { readdirSync, statSync, truncateSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { StoreChange } from '../../src/ports/change-feed.ts';
import type { Logger } from '../../src/ports/logger.ts';
import type { Store } from '../../src/ports/store.ts';
import { missingRedis, redisSuite } from '../support/redis-server.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { commit, event, request, runKey } from './fixture.ts';
import { endAll, open, startServer } from './redis-fixture.ts';

const RUN = runKey('run-1');

afterEach(endAll);

interface Watched {
  readonly store: Store;
  readonly warnings: string[];
  /** The next change that says so. */
  readonly replaced: () => Promise<void>;
}

async function watch({ url }: RedisServer): Promise<Watched> {
  const warnings: string[] = [];
  const logger: Logger = { ...silentLogger, warn: (_, text) => void warnings.push(text) };
  const store = await open(url, logger);
  let heard: (change: StoreChange) => void = () => undefined;
  store.onChange((change) => heard(change));
  const replaced = (): Promise<void> =>
    new Promise((resolve) => (heard = (change) => change.replaced === true && resolve()));
  return { store, warnings, replaced };
}

const start = (): Promise<RedisServer> => startServer('--appendfsync', 'always');

function appendOnlyFile({ url }: RedisServer): string {
  const folder = join(dirname(url.replace('unix://', '')), 'appendonlydir');
  const name = readdirSync(folder).find((file) => file.endsWith('.incr.aof')) ?? '';
  return join(folder, name);
}

describe.skipIf(missingRedis !== undefined)(redisSuite('a Redis that was replaced'), () => {
  it('is told to everybody who keeps what was read, and warned of, before anything is sent to it', async () => {
    const server = await start();
    const { store, warnings, replaced } = await watch(server);
    await commit(store, RUN, 0);
    const told = replaced();
    await server.stop('SIGKILL');
    // Decided on what the server before had told: it waits for a connection, and is not sent to another server.
    const waiting = store.commit(request(RUN, 1));
    await server.restart();
    await told;
    expect(await waiting).toMatchObject({ kind: 'storeUnavailable' });
    expect(warnings.join()).toContain('may be lost');
    expect((await store.load(RUN))?.version).toBe(1);
  });

  it('holds another history when the end of its file is lost, which is what is read then', async () => {
    const server = await start();
    const { store, replaced } = await watch(server);
    await commit(store, RUN, 0);
    await commit(store, RUN, 1, { events: [event(2, 'lost')] });
    const told = replaced();
    await server.stop('SIGKILL');
    const file = appendOnlyFile(server);
    truncateSync(file, statSync(file).size - 1);
    await server.restart();
    await told;
    expect((await store.load(RUN))?.version).toBe(1);
  });

  it('is not meant by a connection that was cut and comes back to the same server', async () => {
    const server = await start();
    const { store, warnings } = await watch(server);
    await commit(store, RUN, 0);
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    const repeated = request(RUN, 1);
    // A commit without a connection answers at once: in between, the connection must get its turn.
    while ((await store.commit(repeated)).kind === 'storeUnavailable') await setImmediate();
    expect(warnings.join()).not.toContain('may be lost');
  });
});
