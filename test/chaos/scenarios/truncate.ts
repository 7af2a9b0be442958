import { readdirSync, statSync, truncateSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { RedisServer } from '../../support/redis-server.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';

const ROUNDS = 4;
const LOAD_MS = 1_500;
const POLL_MS = 20;

/** Redis comes back without the end of its append-only file: only whole commits of that end may be gone. */
export const truncate: Scenario = {
  name: 'truncate',
  description: 'Redis restarted with a truncated append-only file: whole commits of its end vanish',
  stores: ['redis'],
  prepare: async (options) => ({
    options: {
      ...options,
      isLossy: true,
      // Kept in one file, and what is cut off in the middle is left out.
      redisSettings: ['--aof-load-truncated', 'yes', '--auto-aof-rewrite-percentage', '0'],
    },
    end: async () => undefined,
  }),
  play: async (stage, { isQuick }) => {
    for (let round = 0; round < (isQuick ? 1 : ROUNDS); round += 1) {
      await pause(LOAD_MS);
      await cut(stage);
      // What was read before may be gone; what is read from now on stays.
      stage.forgetReads();
      await stage.check(false);
    }
    await pause(LOAD_MS);
    stage.notes.push(
      `${stage.figures.lost} acknowledged requests are gone, all of them from the cut-off end`,
    );
  },
};

async function cut(stage: Stage): Promise<void> {
  const file = appendOnlyFile(stage.redis);
  const fromMs = Date.now();
  const keptBytes = statSync(file).size;
  await pause(LOAD_MS);
  await stage.redis.stop('SIGKILL');
  const untilMs = Date.now();
  const lengthBytes = statSync(file).size;
  const atBytes = stage.random.int(keptBytes, lengthBytes);
  truncateSync(file, atBytes);
  stage.losses.add(fromMs, untilMs);
  stage.figures.kills += 1;
  stage.figures.faults += 1;
  await stage.redis.restart();
  await rewrite(stage.redis);
  stage.notes.push(`cut at byte ${atBytes} of ${lengthBytes}`);
}

/**
 * A server that reads a file which ends inside a transaction leaves out the transaction, but cuts off no more than its
 * last command: what is appended then stands inside it, and half a commit comes back at the next start (7.0.15; mended
 * in Valkey by pull request 4342). An operator who restarts on a cut file has it written anew, and so does this.
 */
async function rewrite(redis: RedisServer): Promise<void> {
  await redis.command('BGREWRITEAOF');
  const isBusy = /aof_rewrite_(in_progress|scheduled):1/;
  while (isBusy.test(String(await redis.command('INFO', 'persistence')))) await pause(POLL_MS);
}

function appendOnlyFile({ url }: RedisServer): string {
  const folder = join(dirname(url.replace('unix://', '')), 'appendonlydir');
  const name = readdirSync(folder).find((file) => file.endsWith('.incr.aof'));
  if (name === undefined) throw new Error('Redis keeps no append-only file');
  return join(folder, name);
}
