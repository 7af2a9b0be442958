/**
 * Compiles to a fresh `dist`, with the files that tsc does not copy. The one before stays until the new one is whole: npx
 * builds this folder when it installs it, and what is started meanwhile must find its program.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));

const fresh = `${dist}.new-${process.pid}`;
const former = `${dist}.old-${process.pid}`;
const remove = (directory: string): void => rmSync(directory, { recursive: true, force: true });

try {
  compile();
  if (existsSync(dist)) renameSync(dist, former);
  renameSync(fresh, dist);
} finally {
  remove(fresh);
  remove(former);
}

function compile(): void {
  const tsc = join(typescript, 'bin/tsc');
  const args = [tsc, '-p', 'tsconfig.build.json', '--outDir', fresh];
  execFileSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  cpSync(join(root, 'workflows'), join(fresh, 'workflows'), { recursive: true });
  const functions = 'src/adapters/redis/functions';
  cpSync(join(root, functions), join(fresh, functions), { recursive: true });
  chmodSync(join(fresh, 'src/main.js'), 0o755);
}
