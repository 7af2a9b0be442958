import assert from 'node:assert/strict';
import { chmodSync, chownSync, cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { dirname, join, relative } from 'node:path';
import { runChild, startChild, withTimeout, type Child } from '../agents/child-process.ts';
import { readServedUrl } from '../support/read-served-url.ts';
import type { BuiltStage } from './build-stages.ts';

const NOBODY = 65_534;
const HEALTH_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 20_000;
const KEY = 'image-check-0123456789abcdef0123456789abcdef';

/** Starts it as an engine would, on a file. Done in this order; each throws with what was expected. */
export async function runImage(built: BuiltStage): Promise<string[]> {
  const container = await prepareContainer(built);
  const refusal = await run(container, { BATON_HTTP_KEY_FILE: '' });
  assert.notEqual(refusal.code, 0);
  assert.match(refusal.stderr, /holds no key/);
  const server = startContainer(container);
  try {
    const url = await readServedUrl(server);
    await requireHealth(container, 0);
    await requireKey(url);
    assert.deepEqual(listFiles(container), container.files, 'files outside of /data');
    await stop(server, built.stopSignal);
  } finally {
    await server.end();
  }
  await requireHealth(container, 1);
  return [
    'without a key it refuses to listen beyond loopback',
    `started as user ${String(container.uid ?? process.getuid?.())} on files that this user cannot write`,
    'its health check succeeds while it serves, and fails when it is gone',
    'a request without a key is refused, one with the key of the file answered',
    'nothing was written outside of /data',
    `${built.stopSignal} ends it in order`,
  ];
}

export interface Container {
  readonly built: BuiltStage;
  readonly node: string;
  /** Undefined: this process is not root, and cannot become another user. */
  readonly uid: number | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly string[];
}

/** A volume of its own, a key file, a free port of loopback, and Node where the base image has it. */
export async function prepareContainer(built: BuiltStage, config = ''): Promise<Container> {
  const { root } = built;
  setWritable(root, true);
  const uid = process.getuid?.() === 0 ? NOBODY : undefined;
  const keyFile = join(root, 'run/secrets/baton_http_key');
  const node = join(root, 'usr/local/bin/node');
  const configFile = join(root, 'etc/baton/config.yaml');
  for (const file of [keyFile, node, configFile]) mkdirSync(dirname(file), { recursive: true });
  writeFileSync(keyFile, `${KEY}\n`);
  writeFileSync(configFile, config);
  cpSync(process.execPath, node, { dereference: true });
  if (uid !== undefined) chownSync(join(root, 'data'), uid, uid);
  setWritable(root, false);
  const paths = Object.entries(built.env).map(([name, value]) => [
    name,
    value.startsWith('/') ? join(root, value) : value,
  ]);
  const env = {
    ...(Object.fromEntries(paths) as Record<string, string>), // pairs of texts
    PATH: dirname(node),
    BATON_HTTP_PORT: String(await findFreePort()),
    BATON_HTTP_KEY_FILE: keyFile,
  };
  const container = { built, node, uid, env };
  return { ...container, files: listFiles({ built }) };
}

/** Nothing but the volume may be written to, whoever runs this. */
export function setWritable(root: string, isWritable: boolean): void {
  const mode = isWritable ? 0o755 : 0o555;
  chmodSync(root, mode);
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory() && !isOfVolume(relative(root, path))) chmodSync(path, mode);
  }
}

function isOfVolume(path: string): boolean {
  return path === 'data' || path.startsWith('data/');
}

function listFiles({ built: { root } }: Pick<Container, 'built'>): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => !isOfVolume(path))
    .sort();
}

/** On loopback, as nobody is to reach this machine; that a key is asked for all the same is a setting. */
export function startContainer({ built, node, uid, env }: Container): Child {
  const [, ...args] = [...built.entrypoint, ...built.command];
  return startChild(node, args, {
    cwd: join(built.root, built.workdir),
    env: { ...env, BATON_HTTP_HOST: '127.0.0.1', BATON_HTTP_AUTH: 'required' },
    ...(uid !== undefined && { uid }),
  });
}

/** With the settings of the image and those given, to its end. */
function run({ built, node, uid, env }: Container, settings: Readonly<Record<string, string>>) {
  const [, ...args] = [...built.entrypoint, ...built.command];
  return runChild(node, args, {
    cwd: join(built.root, built.workdir),
    env: { ...env, ...settings },
    ...(uid !== undefined && { uid }),
    timeoutMs: STOP_TIMEOUT_MS,
  });
}

async function requireHealth(container: Container, expected: number): Promise<void> {
  const { built, node, uid, env } = container;
  const [, ...args] = built.healthcheck;
  const { code } = await runChild(node, args, {
    cwd: join(built.root, built.workdir),
    env,
    ...(uid !== undefined && { uid }),
    timeoutMs: HEALTH_TIMEOUT_MS,
  });
  assert.equal(code, expected, 'exit code of the health check');
}

async function requireKey(url: string): Promise<void> {
  const without = await fetch(`${url}/api/v1/health`);
  assert.equal(without.status, 401);
  await readHealth(url);
}

/** What the server says of itself to the holder of the key. */
export async function readHealth(url: string): Promise<string> {
  const headers = { Authorization: `Bearer ${KEY}` };
  const answer = await fetch(`${url}/api/v1/health`, { headers });
  assert.equal(answer.status, 200);
  return answer.text();
}

async function stop(server: Child, signal: string): Promise<void> {
  process.kill(server.pid, signal);
  const { code } = await withTimeout(server.ended, STOP_TIMEOUT_MS, `the end after ${signal}`);
  assert.equal(code, 0, `exit code after ${signal}`);
}

export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // it listens on a port
  server.close();
  await once(server, 'close');
  return port;
}
