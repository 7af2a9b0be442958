import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runChild } from '../agents/child-process.ts';

const TIMEOUT_MS = 10 * 60_000;

/**
 * Installs what package-lock.json in `folder` pins, unless it is there already: programs that one command needs and the
 * product does not. Scripts of packages are not run. An installation that was cut short is done again.
 */
export async function installPinned(folder: string): Promise<void> {
  const lock = createHash('sha256').update(readFileSync(join(folder, 'package-lock.json')));
  const wanted = lock.digest('hex');
  // Written when npm is done.
  const marker = join(folder, 'node_modules/.installed-lock');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return;
  process.stderr.write(`… installing into ${folder} (npm ci)\n`);
  const { code, stderr } = await runChild(
    'npm',
    ['ci', '--ignore-scripts', '--no-audit', '--no-fund'],
    // npm finds its registry and certificates in this user's own environment.
    { cwd: folder, env: process.env, timeoutMs: TIMEOUT_MS },
  );
  if (code !== 0) throw new Error(`npm ci ended with ${String(code)}: ${stderr.slice(-1_500)}`);
  writeFileSync(marker, wanted);
}
