import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { OWN_COMMANDS } from '../../src/adapters/redis/check-rights.ts';
import { readFunctionLibrary } from '../../src/adapters/redis/function-library.ts';
import type { StoreChange } from '../../src/ports/change-feed.ts';
import { startBlackHole, startHttpServer, startTalkingRedis } from '../support/fake-server.ts';
import { missingRedis, redisSuite, startDocumentedServer } from '../support/redis-server.ts';
import { claimTask, command, commit, runKey, task } from './fixture.ts';
import { atEnd, endAll, open, startServer } from './redis-fixture.ts';

const RUN = runKey('run-1');
const ANSWER_BOUND_MS = 5_000;

afterEach(endAll);

const FIRST_CONTACT = ['info', 'config|get', 'client|setname', 'function|load', 'fcall'];
const ON_A_CLUSTER = ['cluster|slots', 'asking'];

/** What follows the name in the line of docs/redis.conf, as ACL SETUSER takes it. */
function documentedUser(): string[] {
  const line = /^user baton (.*)$/m.exec(readFileSync('docs/redis.conf', 'utf8'))?.[1];
  return line?.split(' ') ?? [];
}

async function failure(url: string): Promise<unknown> {
  const startedAtMs = performance.now();
  const error = await open(url).catch((refused: unknown) => refused);
  expect(performance.now() - startedAtMs).toBeLessThan(ANSWER_BOUND_MS);
  return error;
}

describe.skipIf(missingRedis !== undefined)(
  redisSuite('starting on a server that cannot be used'),
  () => {
    it.each([
      ['http://localhost', 'url'],
      ['redis://localhost/db', 'url'],
      ['redis://localhost?prefx=a', 'url'],
      ['redis://localhost?prefix={a}', 'url'],
      ['redis+sentinel://localhost', 'url'],
      ['redis+sentinel://a,,b/mine', 'url'],
      ['redis://a,b', 'url'],
      ['redis://me:50%@localhost', 'url'],
      ['redis://me:pass/word@localhost', 'url'],
      ['redis://localhost?ca=/x', 'url'],
      ['redis://localhost?sentinel-password=x', 'url'],
      ['redis://localhost:0', 'url'],
    ])('refuses the URL %s', async (url, code) => {
      expect(await failure(url)).toMatchObject({ name: 'RedisStoreError', code });
    });

    it.each([
      ['redis://localhost:70000', /a port is a number from 1 to 65535/],
      ['redis+cluster://a:1,b:65536', /a port is a number from 1 to 65535/],
      ['redis://me:70000/rest@localhost', /cannot be read.*percent-encoded \(@ is %40/],
      ['redis://me:sec/ret@localhost', /cannot be read.*percent-encoded \(@ is %40/],
      ['redis://sec?ret@localhost', /it has an @ after the \?.*percent-encoded/],
    ])('says what is wrong with the URL %s, and shows no part of it', async (url, message) => {
      const told = String(await failure(url));
      expect(told).toMatch(message);
      expect(told).not.toMatch(/70000|\brest|\bsec\b|\bret\b/);
    });

    it.each([
      'redis://secret@127.0.0.1:1',
      'redis://secret:@127.0.0.1:1',
      'unix://secret@localhost/x',
    ])('does not show a password in the place of the user: %s', async (url) => {
      const told = String(await failure(url));
      expect(told).toMatch(/\/\/\*\*\*(:@|@)(127|localhost)/);
      expect(told).not.toContain('secret');
    });

    it('says that nobody answers, and never shows the password', async () => {
      const error = await failure('redis://me:secret@127.0.0.1:1');
      expect(error).toMatchObject({ code: 'unreachable' });
      expect(JSON.stringify(error) + String(error)).not.toContain('secret');
      expect(String(error)).toMatch(/ECONNREFUSED.*check the URL, and that the server runs/);
    });

    it('says that no host has the name', async () => {
      const error = await failure('redis://nowhere.invalid');
      expect(error).toMatchObject({ code: 'unreachable' });
      expect(String(error)).toContain('nowhere.invalid');
    });

    it('says that the password is wrong or missing', async () => {
      const server = await startServer('--requirepass', 'right');
      const missing = await failure(server.url);
      expect(missing).toMatchObject({ code: 'credentials' });
      expect(String(missing)).toContain('redis://:password@host');
      const wrong = server.url.replace('unix://', 'unix://default:wrong@localhost');
      expect(await failure(wrong)).toMatchObject({ code: 'credentials' });
    });

    it('says that what answers there says nothing', async () => {
      const hole = await startBlackHole();
      atEnd(() => hole.close());
      const error = await failure(`redis://127.0.0.1:${hole.port}`);
      expect(error).toMatchObject({ code: 'unreachable' });
      expect(String(error)).toMatch(/not answer as Redis: no answer within 2000 ms;.*or it hangs/);
    });

    it('says that what answers there is no Redis', async () => {
      const http = await startHttpServer();
      atEnd(() => http.close());
      const error = await failure(`redis://127.0.0.1:${http.port}`);
      expect(error).toMatchObject({ code: 'server' });
      expect(String(error)).toContain('what answers there is no Redis server');
    });

    it('refuses a Redis that is too old, and names both versions', async () => {
      const old = await startTalkingRedis({ redis_version: '6.2.14', role: 'master' });
      atEnd(() => old.close());
      const error = await failure(`redis://127.0.0.1:${old.port}`);
      expect(error).toMatchObject({ code: 'server' });
      expect(String(error)).toMatch(/Redis 6\.2\.14; Baton needs 7\.0/);
    });

    it('says that the server still reads its data', async () => {
      const facts = { redis_version: '7.0.15', loading: '1', loading_eta_seconds: '7' };
      const loading = await startTalkingRedis(facts);
      atEnd(() => loading.close());
      const error = await failure(`redis://127.0.0.1:${loading.port}`);
      expect(error).toMatchObject({ code: 'unreachable' });
      expect(String(error)).toMatch(/LOADING .* 7 s more; start Baton again when it has/);
    });

    it('says which permission is lacking', async () => {
      const server = await startServer();
      await server.command('ACL', 'SETUSER', 'weak', 'on', '>pw', '~other:*', '+@all');
      const url = server.url.replace('unix://', 'unix://weak:pw@localhost');
      const error = await failure(`${url}?prefix=mine`);
      expect(error).toMatchObject({ code: 'permission' });
      expect(String(error)).toMatch(/begin with "mine:": give the user "~mine:\*".*\?prefix=/);
      await open(`${url}?prefix=other`);
    });

    it('names every command that the user lacks, also those inside its functions', async () => {
      const server = await startServer();
      const rights = documentedUser().filter((right) => !['+zadd', '+hset'].includes(right));
      await server.command('ACL', 'SETUSER', 'baton', ...rights);
      const url = server.url.replace('unix://', 'unix://baton:change-this@localhost');
      const error = await failure(url);
      expect(error).toMatchObject({ code: 'permission' });
      expect(String(error)).toContain('the user may not run HSET, ZADD;');
      for (const right of ['info', 'fcall', 'function|load']) {
        await server.command('ACL', 'SETUSER', 'baton', '+zadd', '+hset', `-${right}`);
        await server.command('FUNCTION', 'FLUSH');
        const told = await failure(url);
        expect(told).toMatchObject({ code: 'permission' });
        expect(String(told)).toContain(`'${right}'`);
        await server.command('ACL', 'SETUSER', 'baton', `+${right}`);
      }
      await open(url);
    });

    it('looks at rights of subcommands too', async () => {
      const server = await startServer();
      const session = (rights: string): Promise<unknown> =>
        server.command(
          'ACL',
          'SETUSER',
          'narrow',
          'on',
          '>pw',
          '~*',
          '+@all',
          ...rights.split(' '),
        );
      await session('-@all +fcall +function|load +memory|usage');
      const library = readFunctionLibrary();
      await server.command('FUNCTION', 'LOAD', library.source);
      const client = new Redis({ path: server.url.slice(7), username: 'narrow', password: 'pw' });
      const ask = (...names: string[]): Promise<unknown> =>
        client.fcall(library.nameOf('lacking_rights'), 1, 'baton:{0}', ...names);
      expect(await ask('GET', 'MEMORY|USAGE', 'MEMORY|DOCTOR')).toEqual(['GET', 'MEMORY|DOCTOR']);
      client.disconnect();
    });

    it('documents a user who may run what Baton runs, and nothing else', () => {
      const runs = [...OWN_COMMANDS, ...readFunctionLibrary().commands].map((name) =>
        name.toLowerCase(),
      );
      const rights = [...FIRST_CONTACT, ...ON_A_CLUSTER, ...runs].map((name) => `+${name}`);
      const documented = documentedUser().filter((word) => word.startsWith('+'));
      expect(documented.toSorted()).toEqual([...new Set(rights)].toSorted());
    });

    it('refuses a server that would throw runs away, unless it is told to go on', async () => {
      const server = await startServer('--maxmemory-policy', 'allkeys-lru');
      const error = await failure(server.url);
      expect(error).toMatchObject({ code: 'eviction' });
      expect(String(error)).toContain('maxmemory-policy noeviction');
      const store = await open(`${server.url}?allow-eviction=1`);
      expect((await store.describe()).warnings?.join()).toContain('allkeys-lru');
    });

    it('is satisfied with the settings and the user of docs/redis.conf', async () => {
      const server = await startDocumentedServer();
      atEnd(() => server.remove());
      const url = server.url.replace('unix://', 'unix://baton:change-this@localhost');
      const store = await open(url);
      await commit(store, RUN, 0, { enqueue: [task('a')] });
      const { lease } = await claimTask(store);
      const heard = new Promise<StoreChange>((resolve) => store.onChange(resolve));
      await commit(await open(url), runKey('run-2'), 0);
      expect(await heard).toEqual({ work: true });
      const index = { name: 'n', status: 'done', startedAtMs: 1, finishedAtMs: 2, marks: [] };
      await commit(store, RUN, 1, { commands: [command({ acknowledge: lease })], index });
      await store.setValue('n', 'k', 1, { ttlMs: 1 });
      expect(await store.purgeFinished({ finishedBeforeMs: 3, keepNewest: 9, limit: 9 })).toBe(1);
      const { warnings, details } = await store.describe();
      expect(warnings).toEqual([]);
      expect(details.fsyncPolicy).toBe('everysec');
    });

    it('refuses a replica', async () => {
      const server = await startServer('--replicaof', '127.0.0.1 1');
      expect(await failure(server.url)).toMatchObject({ code: 'server' });
    });

    it('leaves a newer store and foreign keys as they are', async () => {
      const server = await startServer();
      const newer = '{"schemaVersion":99,"anything":1}';
      await server.command('SET', 'baton:{0}:meta', newer);
      expect(await failure(server.url)).toMatchObject({ code: 'newer' });
      expect(await server.command('GET', 'baton:{0}:meta')).toBe(newer);
      await server.command('SET', 'mine:{0}:meta', 'hello');
      await server.command('LPUSH', 'yours:{0}:meta', 'hello');
      for (const prefix of ['mine', 'yours'])
        expect(await failure(`${server.url}?prefix=${prefix}`)).toMatchObject({ code: 'foreign' });
      expect(await server.command('DBSIZE')).toBe(3);
    });
  },
);
