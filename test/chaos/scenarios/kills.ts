import { setTimeout as pause } from 'node:timers/promises';
import { crash, drawPoint, type Crash } from '../crash.ts';
import type { Role } from '../fleet.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';

/** After so many everything must come to rest and is checked. */
const KILLS_PER_ROUND = 15;
const REDIS_SHARE = 0.15;
/** Of the kills of the supervised worker: its supervisor instead. */
const SUPERVISOR_SHARE = 0.15;
const POLL_MS = 20;

/** kill -9 of the server, the workers and Redis, at named points and at random, while the others work. */
export const kills: Scenario = {
  name: 'kills',
  description: 'kill -9 of server, workers and Redis, at named crash points and at random',
  stores: ['sqlite', 'redis'],
  isQuick: true,
  prepare: async (options) => ({
    // Nothing acknowledged may be missing: `everysec` promises less.
    options: { ...options, redisSettings: ['--appendfsync', 'always'] },
    end: async () => undefined,
  }),
  play: async (stage, extent) => {
    for (let left = extent.kills; left > 0; left -= KILLS_PER_ROUND) {
      await playRound(stage, Math.min(left, KILLS_PER_ROUND));
      // The last round is settled by the caller, like every scenario.
      if (left <= KILLS_PER_ROUND) return;
      await stage.settle();
      stage.client.begin();
    }
  },
};

async function playRound(stage: Stage, count: number): Promise<void> {
  const recovering = new Map<Role, Promise<void>>();
  for (let kill = 0; kill < count; kill += 1) {
    if (stage.options.store === 'redis' && stage.random.chance(REDIS_SHARE)) await killRedis(stage);
    else await killOne(stage, recovering);
    stage.note(`${stage.figures.kills} kills`);
  }
  await Promise.all(recovering.values());
}

async function killOne(stage: Stage, recovering: Map<Role, Promise<void>>): Promise<void> {
  const [first, ...others] = await untilSomeReady(stage, recovering);
  const role = stage.random.pick([first, ...others]);
  const died = await kill(stage, role);
  if (died === undefined) return;
  count(stage, died.point);
  const recovery = stage.fleet
    .recover(died.role, died.pid)
    .finally(() => recovering.delete(died.role));
  recovery.catch((error: unknown) => stage.violations.push(`I11: ${String(error)}`));
  recovering.set(died.role, recovery);
}

function kill(stage: Stage, role: Role): Promise<Crash | undefined> {
  const point = drawPoint(stage.random, role);
  const isSupervisor = role === 'worker-1' && stage.random.chance(SUPERVISOR_SHARE);
  if (!isSupervisor) return crash(stage, role, point);
  const pid = stage.fleet.killTop(role);
  return Promise.resolve(pid === undefined ? undefined : { role, pid, point: 'of a supervisor' });
}

async function untilSomeReady(
  stage: Stage,
  recovering: ReadonlyMap<Role, unknown>,
): Promise<[Role, ...Role[]]> {
  for (;;) {
    const [first, ...others] = stage.fleet.ready.filter((role) => !recovering.has(role));
    if (first !== undefined) return [first, ...others];
    await pause(POLL_MS);
  }
}

async function killRedis(stage: Stage): Promise<void> {
  await pause(stage.random.int(0, 300));
  await stage.redis.stop('SIGKILL');
  await pause(stage.random.int(0, 300));
  await stage.redis.restart();
  count(stage, 'of Redis');
}

function count({ figures }: Stage, point: string): void {
  figures.kills += 1;
  figures.points[point] = (figures.points[point] ?? 0) + 1;
}
