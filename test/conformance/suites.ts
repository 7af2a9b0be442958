import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runChild } from '../agents/child-process.ts';

/** A folder below: beside these files, its packages would stand before those that the product is built on. */
const folder = join(import.meta.dirname, 'suites');
const packages = join(folder, 'node_modules/@modelcontextprotocol');

/** The official suite's command, and what each revision of the specification asks for, as the suite ships it. */
export const CONFORMANCE_MAIN = join(packages, 'conformance/dist/index.js');
export const REQUIREMENTS_FOLDER = join(packages, 'conformance/requirements');
export const INSPECTOR_MAIN = join(packages, 'inspector/clients/launcher/build/index.js');

const INSTALL_TIMEOUT_MS = 10 * 60_000;

/**
 * Installs what suites/package-lock.json pins, unless it is there already. They are no dependencies of the
 * product: 144 MB for a command that few run. Scripts of packages are not run.
 */
export async function installSuites(): Promise<void> {
  const lock = createHash('sha256').update(readFileSync(join(folder, 'package-lock.json')));
  const wanted = lock.digest('hex');
  // Written when npm is done: an installation that was cut short has none.
  const marker = join(folder, 'node_modules/.installed-lock');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return;
  process.stderr.write('… installing the conformance suite and the Inspector (npm ci)\n');
  const { code, stderr } = await runChild(
    'npm',
    ['ci', '--ignore-scripts', '--no-audit', '--no-fund'],
    // npm finds its registry and certificates in this user's own environment.
    { cwd: folder, env: process.env, timeoutMs: INSTALL_TIMEOUT_MS },
  );
  if (code !== 0) throw new Error(`npm ci ended with ${String(code)}: ${stderr.slice(-1_500)}`);
  writeFileSync(marker, wanted);
}
