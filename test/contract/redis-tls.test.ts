import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createRedisStore } from '../../src/adapters/redis/redis-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { BatonFixture } from '../cli/run-baton.ts';
import { freePort } from '../support/redis-cluster.ts';
import {
  missingRedis,
  startRedisSentinel,
  startRedisServer,
  type RedisServer,
} from '../support/redis-server.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { createAuthority, missingOpenssl, type Authority } from '../support/tls-files.ts';
import { claimTask, commit, runKey, task } from './fixture.ts';

const ANSWER_BOUND_MS = 5_000;
const missing = missingRedis ?? missingOpenssl;
const suite = (name: string): string =>
  missing === undefined ? name : `${name} (skipped: ${missing})`;

describe.skipIf(missing !== undefined)(suite('over TLS'), () => {
  const servers: RedisServer[] = [];
  let authority: Authority;

  beforeAll(() => {
    authority = createAuthority();
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.remove()));
  });
  afterAll(() => authority.remove());

  function settings(port: number, name: string, days?: number): string[] {
    const { cert, key } = authority.issue(name, days);
    return [
      ...['--bind', '127.0.0.1', '--tls-port', String(port), '--tls-replication', 'yes'],
      ...['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', authority.file],
    ];
  }
  async function start(name: string, days?: number, ...more: string[]): Promise<number> {
    const port = await freePort();
    const auth = ['--tls-auth-clients', 'no'];
    servers.push(await startRedisServer(...settings(port, name, days), ...auth, ...more));
    return port;
  }
  const open = (url: string): Promise<Store> =>
    createRedisStore({ url, ids: createSeededIds(1), logger: silentLogger });
  const refusal = async (url: string): Promise<string> => {
    const startedAtMs = performance.now();
    const error = await open(url).catch((refused: unknown) => refused);
    expect(performance.now() - startedAtMs).toBeLessThan(ANSWER_BOUND_MS);
    expect(error).toMatchObject({ name: 'RedisStoreError' });
    return String(error);
  };

  it('works with an authority that the URL names, with user and password', async () => {
    const port = await start('IP:127.0.0.1', 2, '--requirepass', 'right');
    const store = await open(`rediss://default:right@127.0.0.1:${port}?ca=${authority.file}`);
    await commit(store, runKey('run-1'), 0, { enqueue: [task('a')] });
    expect(await claimTask(store)).toMatchObject({ slot: 'a' });
    expect((await store.describe()).location).not.toContain('right');
    await store.close();
  });

  it('trusts what NODE_EXTRA_CA_CERTS names', async () => {
    const port = await start('IP:127.0.0.1');
    const baton = new BatonFixture();
    const looking = ['doctor', '--store', `rediss://127.0.0.1:${port}`];
    const trusting = await baton.run(looking, { NODE_EXTRA_CA_CERTS: authority.file });
    const { stdout } = await baton.run(looking);
    baton.dispose();
    expect(trusting.stdout).toMatch(/^ok .*redis: 7.* at rediss:/m);
    expect(stdout).toMatch(/^PROBLEM .*authority that is not trusted/m);
  });

  it('refuses an authority that nobody trusts, and says how to trust it', async () => {
    const port = await start('IP:127.0.0.1');
    const text = await refusal(`rediss://127.0.0.1:${port}`);
    expect(text).toMatch(/authority that is not trusted.*\?ca=.*NODE_EXTRA_CA_CERTS/);
  });

  it('refuses the certificate of another host', async () => {
    const port = await start('DNS:elsewhere.example');
    const text = await refusal(`rediss://localhost:${port}?ca=${authority.file}`);
    expect(text).toMatch(/certificate is for another name.*elsewhere\.example/);
  });

  it('refuses a certificate that has expired', async () => {
    const port = await start('IP:127.0.0.1', -1);
    const text = await refusal(`rediss://127.0.0.1:${port}?ca=${authority.file}`);
    expect(text).toMatch(/certificate has expired: renew/);
  });

  it('shows its own certificate to a server that asks for one, and is told when it has none', async () => {
    const port = await freePort();
    servers.push(await startRedisServer(...settings(port, 'IP:127.0.0.1')));
    const url = `rediss://127.0.0.1:${port}?ca=${authority.file}`;
    expect(await refusal(url)).toMatch(/asks for a TLS certificate of its clients.*\?cert=/);
    const mine = authority.issue('DNS:baton');
    await (await open(`${url}&cert=${mine.cert}&key=${mine.key}`)).close();
  });

  it('says that one side speaks TLS and the other does not', async () => {
    const [port, plain] = [await start('IP:127.0.0.1'), await freePort()];
    servers.push(await startRedisServer('--bind', '127.0.0.1', '--port', String(plain)));
    for (const url of [`redis://127.0.0.1:${port}`, `rediss://127.0.0.1:${plain}`])
      expect(await refusal(url)).toMatch(/whether it speaks TLS \(rediss:\/\/\) or not/);
  });

  it.each([
    ['?ca=relative.pem', /not an absolute path/],
    ['?ca=/nowhere/ca.pem', /\?ca=.*ENOENT/],
    ['?cert=/dev/null', /only one of/],
  ])('refuses %s before it connects', async (query, message) => {
    expect(await refusal(`rediss://127.0.0.1:1${query}`)).toMatch(message);
  });

  it('speaks TLS to the Sentinels and to the primary that they name', async () => {
    const password = ['--requirepass', 'data'];
    const primaryPort = await start('IP:127.0.0.1', 2, ...password);
    const port = await freePort();
    const { cert, key } = authority.issue('IP:127.0.0.1');
    servers.push(
      await startRedisSentinel(0, 'mine', primaryPort, [
        ...[`tls-port ${port}`, `tls-cert-file ${cert}`, `tls-key-file ${key}`],
        ...[`tls-ca-cert-file ${authority.file}`, 'tls-auth-clients no', 'tls-replication yes'],
        ...['sentinel auth-pass mine data', 'requirepass watch'],
      ]),
    );
    const url = `rediss+sentinel://default:data@127.0.0.1:${port}/mine?ca=${authority.file}&sentinel-password=watch`;
    const store = await open(url);
    await commit(store, runKey('run-1'), 0);
    const { location, details } = await store.describe();
    expect(details.topology).toBe('sentinel');
    expect(location).not.toMatch(/data@|watch/);
    await store.close();
    expect(await refusal(url.replace('=watch', '=wrong'))).toMatch(/the Sentinel refuses/);
    expect(await refusal(url.replace(/ca=[^&]*&/, ''))).toMatch(/authority that is not trusted/);
  });
});
