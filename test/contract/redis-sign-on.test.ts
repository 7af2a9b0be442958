import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Logger } from '../../src/ports/logger.ts';
import { freePort } from '../support/redis-cluster.ts';
import { missingRedis, redisSuite } from '../support/redis-server.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { commit, runKey, task } from './fixture.ts';
import { endAll, open, startServer } from './redis-fixture.ts';

const RUN = runKey('run-1');
const ANSWER_BOUND_MS = 5_000;
const RIGHTS = ['on', '>pw', '~baton:*', '+@all', '-select'];

afterEach(endAll);

const refusal = (url: string): Promise<unknown> => open(url).catch((error: unknown) => error);

describe.skipIf(missingRedis !== undefined)(
  redisSuite('the user and the database of a connection'),
  () => {
    it('refuses a database that the server does not have, and works in one that it has', async () => {
      const port = await freePort();
      const server = await startServer(
        '--bind',
        '127.0.0.1',
        '--port',
        `${port}`,
        '--databases',
        '4',
      );
      const error = await refusal(`redis://127.0.0.1:${port}/9`);
      expect(error).toMatchObject({ code: 'server' });
      expect(String(error)).toMatch(/\/9: database 9: ERR .*out of range.*\?prefix=/);
      expect(await server.command('DBSIZE')).toBe(0);
      await commit(await open(`redis://127.0.0.1:${port}/3`), RUN, 0, { enqueue: [task('a')] });
      expect(await server.command('DBSIZE')).toBe(0);
      expect(await server.command('INFO', 'keyspace')).toMatch(/^db3:keys=/m);
    });

    it('refuses a database that the user may not select, also on a later connection', async () => {
      const port = await freePort();
      const server = await startServer('--bind', '127.0.0.1', '--port', `${port}`);
      await server.command('ACL', 'SETUSER', 'baton', ...RIGHTS);
      const url = `redis://baton:pw@127.0.0.1:${port}/2`;
      const error = await refusal(url);
      expect(error).toMatchObject({ code: 'permission' });
      expect(String(error)).toMatch(/database 2: NOPERM .*give the user "\+select"/);
      await server.command('ACL', 'SETUSER', 'baton', '+select');
      const store = await open(url);
      await commit(store, RUN, 0);
      await server.command('ACL', 'SETUSER', 'baton', '-select');
      await server.command('CLIENT', 'KILL', 'USER', 'baton');
      // The first may still meet the connection that was cut.
      await vi.waitFor(
        () => expect(commit(store, runKey('run-2'), 0)).rejects.toThrow(/database 2: NOPERM/),
        { timeout: ANSWER_BOUND_MS },
      );
      await server.command('ACL', 'SETUSER', 'baton', '+select');
      await vi.waitFor(() => commit(store, runKey('run-3'), 0), { timeout: ANSWER_BOUND_MS });
      expect(await server.command('DBSIZE')).toBe(0);
    });

    it('goes on where no password is asked for, and says so in the log only', async () => {
      const server = await startServer('--appendonly', 'no');
      const print = vi.spyOn(console, 'warn');
      const warn = vi.fn<Logger['warn']>();
      const url = server.url.replace('unix://', 'unix://:needless@localhost');
      await open(url, { ...silentLogger, warn });
      expect(print).not.toHaveBeenCalled();
      print.mockRestore();
      const told = warn.mock.calls.map(([, message]) => message);
      expect(told).toEqual([
        expect.stringContaining('asks for no password although the URL has one'),
        expect.stringContaining('set "appendonly yes"'),
      ]);
      expect(JSON.stringify(warn.mock.calls)).not.toContain('needless');
    });
  },
);
