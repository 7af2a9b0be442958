import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';

const source = (name: string): string =>
  JSON.stringify(new URL(`../../src/cli/${name}.ts`, import.meta.url).href);

/** A supervised worker whose event loop a step has blocked for good. */
const BLOCKED_WORKER = `
import { createInterruption } from ${source('interruption')};
import { reportToSupervisor } from ${source('supervise/worker-reports')};
reportToSupervisor(createInterruption(), 0);
// The thread begins before the loop stands still; the line is written at once.
setTimeout(() => {
  console.log('blocked');
  for (;;);
}, 500);`;

test('a worker whose event loop is blocked ends when its supervisor is killed', async () => {
  const root = mkdtempSync(join(tmpdir(), 'baton-orphan-'));
  const worker = join(root, 'worker.ts');
  writeFileSync(worker, BLOCKED_WORKER);
  const supervisor = join(root, 'supervisor.ts');
  writeFileSync(
    supervisor,
    `import { fork } from 'node:child_process';
    fork(${JSON.stringify(worker)}, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });`,
  );
  const child = spawn(process.execPath, [supervisor], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  // The stream ends when the worker has ended: it holds the other end.
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    child.kill('SIGKILL');
  }
  rmSync(root, { recursive: true });
  expect(lines).toEqual(['blocked']);
});
