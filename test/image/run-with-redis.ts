import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { runChild, startChild } from '../agents/child-process.ts';
import { readServedUrl } from '../support/read-served-url.ts';
import type { BuiltStage } from './build-stages.ts';
import { findFreePort, prepareContainer, readHealth, startContainer } from './run-image.ts';

const PASSWORD = 'image-check-password';
const MAX_LOOKS = 50;
const PAUSE_MS = 200;
const LOOK_TIMEOUT_MS = 5_000;

const composeSchema = z.looseObject({
  services: z.looseObject({
    redis: z.looseObject({
      command: z.tuple([z.string()]),
      healthcheck: z.looseObject({ test: z.tuple([z.literal('CMD-SHELL'), z.string()]) }),
    }),
  }),
});

/**
 * Runs the commands that compose.yaml gives to Redis, with the places of this folder for those of a container, then Baton on
 * it with the configuration that compose.yaml's first lines make. Answers what was shown.
 */
export async function runWithRedis(
  built: BuiltStage,
  project: string,
  directory: string,
): Promise<string> {
  if (spawnSync('redis-server', ['--version']).error)
    return 'the composed Redis was not tried: redis-server is not installed here';
  const compose: unknown = parse(readFileSync(join(project, 'compose.yaml'), 'utf8'));
  const { command, healthcheck } = composeSchema.parse(compose).services.redis;
  const port = await findFreePort();
  const place = makePlaces(project, directory);
  const script = `${place(command[0]).trim()} --port ${port}`;
  const redis = startChild('sh', ['-ec', script.replace("--bind '*'", '--bind 127.0.0.1')], {
    cwd: directory,
    env: process.env,
  });
  try {
    const check = place(healthcheck.test[1]).replace('redis-cli', `redis-cli -p ${port}`);
    await untilHealthy(check, directory, () => redis.stderrText());
    await requireRedisServes(built, `redis://baton:${PASSWORD}@127.0.0.1:${port}`);
  } finally {
    await redis.end();
  }
  return 'the composed Redis: its command, its health check, and Baton on it with its password';
}

/** As an engine would mount them; `$$` is how compose writes `$`. */
function makePlaces(project: string, directory: string): (command: string) => string {
  for (const name of ['secrets', 'tmp', 'redis-data']) mkdirSync(join(directory, name));
  writeFileSync(join(directory, 'secrets/redis_password'), `${PASSWORD}\n`);
  const places: Readonly<Record<string, string>> = {
    $$: '$',
    '/run/secrets/': `${directory}/secrets/`,
    '/etc/redis/baton.conf': join(project, 'docs/redis.conf'),
    '/tmp/': `${directory}/tmp/`,
    '--dir /data': `--dir ${directory}/redis-data`,
  };
  // In one pass: this folder may itself lie below one of these names.
  const names = /\$\$|\/run\/secrets\/|\/etc\/redis\/baton\.conf|\/tmp\/|--dir \/data/g;
  return (command) => command.replace(names, (name) => places[name] ?? name);
}

async function untilHealthy(check: string, cwd: string, errors: () => string): Promise<void> {
  for (let looks = 0; looks < MAX_LOOKS; looks += 1) {
    const surroundings = { cwd, env: process.env, timeoutMs: LOOK_TIMEOUT_MS };
    const { code } = await runChild('sh', ['-c', check], surroundings);
    if (code === 0) return;
    await sleep(PAUSE_MS);
  }
  throw new Error(`the composed Redis did not become healthy: ${errors()}`);
}

async function requireRedisServes(built: BuiltStage, url: string): Promise<void> {
  const container = await prepareContainer(built, `store: ${url}\n`);
  const server = startContainer(container);
  try {
    const health = await readHealth(await readServedUrl(server));
    assert.match(health, /"kind": ?"redis"/);
    assert.doesNotMatch(health, new RegExp(PASSWORD));
  } finally {
    await server.end();
  }
}
