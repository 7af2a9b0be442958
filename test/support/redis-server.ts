import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';

/** `REDIS_SERVER_BIN` tries another build: a path, or a name found on PATH. */
const BINARY = process.env.REDIS_SERVER_BIN ?? 'redis-server';

/**
 * Why suites that need a server are left out, with the line to type; `undefined` where there is one. With
 * BATON_REQUIRE_REDIS=1 they run in any case, and fail.
 */
export const missingRedis: string | undefined =
  process.env.BATON_REQUIRE_REDIS === '1' || isFound(BINARY)
    ? undefined
    : `no ${BINARY} here: apt-get install -y redis-server (or set REDIS_SERVER_BIN)`;

/** The name of a suite that is left out tells why, and what to type. */
export function redisSuite(name: string): string {
  return missingRedis === undefined ? name : `${name} (skipped: ${missingRedis})`;
}

function isFound(binary: string): boolean {
  const folders = binary.includes('/') ? [''] : (process.env.PATH ?? '').split(delimiter);
  return folders.some((folder) => {
    try {
      accessSync(join(folder, binary), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export interface RedisServer {
  /** For createRedisStore: a socket in a directory of its own. */
  readonly url: string;
  readonly pid: number;
  /** One plain command, on a connection of its own. */
  command(name: string, ...args: readonly string[]): Promise<unknown>;
  /** Ends it with a signal and waits until it is gone; its data stay. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again with the same data. */
  restart(): Promise<void>;
  /** Ends it if it runs, and removes its directory. */
  remove(): Promise<void>;
}

/** A server of its own: no port, data in a temporary directory, settings as `--name value`. */
export function startRedisServer(...settings: readonly string[]): Promise<RedisServer> {
  return start((directory) => [
    ...['--port', '0', '--unixsocket', join(directory, 'redis.sock'), '--dir', directory],
    ...['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec', ...settings],
  ]);
}

/** A server with all that docs/redis.conf says, but for where it listens. */
export function startDocumentedServer(): Promise<RedisServer> {
  return start((directory) => [
    join(import.meta.dirname, '../../docs/redis.conf'),
    ...['--port', '0', '--unixsocket', join(directory, 'redis.sock'), '--dir', directory],
  ]);
}

/** A Sentinel that alone decides about the primary `name` at a port of this machine; `more`: lines of its file. */
export function startRedisSentinel(
  port: number,
  name: string,
  primaryPort: number,
  more: readonly string[] = [],
): Promise<RedisServer> {
  return start((directory) => {
    const file = join(directory, 'sentinel.conf');
    // It writes what it learns into its file.
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `unixsocket ${directory}/redis.sock`,
      `dir ${directory}`,
      `sentinel monitor ${name} 127.0.0.1 ${primaryPort} 1`,
      `sentinel down-after-milliseconds ${name} 500`,
      `sentinel failover-timeout ${name} 2000`,
      ...more,
    ];
    writeFileSync(file, lines.join('\n'));
    return [file, '--sentinel'];
  });
}

async function start(argumentsIn: (directory: string) => readonly string[]): Promise<RedisServer> {
  const directory = mkdtempSync(join(tmpdir(), 'baton-redis-'));
  const args = argumentsIn(directory);
  let child = await launch(args).catch((error: unknown) => {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  });
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  };
  return {
    url: `unix://${directory}/redis.sock`,
    get pid() {
      return child.pid ?? 0;
    },
    command: (name, ...words) => send(join(directory, 'redis.sock'), name, words),
    stop,
    restart: async () => {
      await stop();
      child = await launch(args);
    },
    remove: async () => {
      await stop('SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function send(path: string, name: string, args: readonly string[]): Promise<unknown> {
  const redis = new Redis({ path, retryStrategy: null, protocol: 2, lazyConnect: true });
  try {
    await redis.connect();
    return await redis.call(name, ...args);
  } finally {
    redis.disconnect();
  }
}

async function launch(args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(BINARY, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  // A test run that is cut short leaves no server behind.
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.removeListener('exit', end));
  await untilReady(child);
  return child;
}

function untilReady(child: ChildProcess): Promise<void> {
  let output = '';
  return new Promise((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      output += String(chunk);
      if (/eady to accept connections|\+monitor/.test(output)) resolve();
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('error', (error) => {
      reject(new Error(`${BINARY} cannot be started: ${error.message}`, { cause: error }));
    });
    child.once('exit', () => reject(new Error(`${BINARY} ended before it was ready:\n${output}`)));
  });
}
