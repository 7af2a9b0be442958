import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CannotPlayError, type Preparation, type Scenario } from '../scenario.ts';
import type { Stage, StageOptions } from '../stage.ts';

const DISK_BYTES = 24 * 2 ** 20;
const BLOCK = Buffer.alloc(4_096);
const LOAD_MS = 1_500;
/** Longer than a lease. */
const FULL_MS = 3_500;
const ROUNDS = 2;

/** A small disk of its own is filled up under load, and emptied again. */
export const diskFull: Scenario = {
  name: 'disk-full',
  description: 'the disk of the store is full for a while: nothing lost, everything goes on',
  stores: ['sqlite', 'redis'],
  prepare,
  play: async (stage, { isQuick }) => {
    for (let round = 0; round < (isQuick ? 1 : ROUNDS); round += 1) {
      await pause(LOAD_MS);
      await fill(stage);
    }
    await pause(LOAD_MS);
  },
};

async function prepare(options: StageOptions): Promise<Preparation> {
  const disk = join(options.folder, 'disk');
  mkdirSync(disk, { recursive: true });
  try {
    const size = `size=${DISK_BYTES}`;
    execFileSync('mount', ['-t', 'tmpfs', '-o', size, 'baton-chaos', disk], { stdio: 'pipe' });
  } catch (error) {
    throw new CannotPlayError('no small disk can be mounted here (it needs root)', {
      cause: error,
    });
  }
  // Also while a process that is about to end still has a file there.
  const unmount = (): void => void execFileSync('umount', ['--lazy', disk], { stdio: 'pipe' });
  process.once('exit', unmount);
  return {
    // Where the writes of the append-only file fail, `always` would end the server.
    options: { ...options, databaseFolder: disk, redisSettings: ['--dir', disk] },
    end: async () => {
      process.removeListener('exit', unmount);
      unmount();
    },
  };
}

async function fill(stage: Stage): Promise<void> {
  const ballast = join(stage.folder, 'disk', 'ballast');
  fillUp(ballast);
  stage.figures.faults += 1;
  const before = acknowledged(stage);
  await pause(FULL_MS);
  const during = acknowledged(stage) - before;
  stage.notes.push(`${during} requests were acknowledged while the disk was full or nearly so`);
  rmSync(ballast);
}

/** The store takes some of it at the same time: what fits is written, down to the last block. */
function fillUp(ballast: string): void {
  const file = openSync(ballast, 'w');
  try {
    for (;;) writeSync(file, BLOCK);
  } catch (error) {
    if (!(error instanceof Error && error.message.includes('ENOSPC'))) throw error;
  } finally {
    closeSync(file);
  }
}

function acknowledged({ client }: Stage): number {
  return client.intents
    .flatMap(({ sendings }) => sendings)
    .filter(({ answer }) => answer?.kind === 'committed').length;
}
