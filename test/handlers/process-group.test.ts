import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { describe, expect, onTestFinished, test } from 'vitest';
import { endGroup, signalGroup } from '../../src/handlers/shell/process-group.ts';

/** A program that never reaps, as process 1 of a container often does, with a child in a group of its own. */
const NEVER_REAPS = `setsid sh -c 'echo $$; exec sleep 600' & exec sleep 600`;

describe('the end of a process group', () => {
  // Linux only: it tells zombies from living processes by /proc, which macOS lacks.
  test.runIf(process.platform === 'linux')(
    'does not wait for zombies that nobody reaps',
    async () => {
      const parent = spawn('sh', ['-c', NEVER_REAPS], { stdio: ['ignore', 'pipe', 'inherit'] });
      onTestFinished(() => {
        parent.kill('SIGKILL');
      });
      const lines = createInterface({ input: parent.stdout })[Symbol.asyncIterator]();
      const groupId = Number((await lines.next()).value);
      expect(groupId).toBeGreaterThan(1);
      expect(await endGroup(groupId)).toBe(true);
      // Still a member, which a test by kill(2) alone would take for a survivor.
      expect(signalGroup(groupId, 'SIGCONT')).toBe(true);
    },
  );

  test('is immediate when nothing of it is left', async () => {
    const child = spawn('true', { detached: true, stdio: 'ignore' });
    const groupId = child.pid ?? 0;
    expect(groupId).toBeGreaterThan(1);
    await new Promise((resolve) => child.once('exit', resolve));
    expect(signalGroup(groupId, 'SIGCONT')).toBe(false);
    expect(await endGroup(groupId)).toBe(true);
  });
});
