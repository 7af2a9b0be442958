/** Compiles to a fresh `dist`, with the files that tsc does not copy. */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));

rmSync(dist, { recursive: true, force: true });
execFileSync(process.execPath, [join(typescript, 'bin/tsc'), '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
cpSync(join(root, 'workflows'), join(dist, 'workflows'), { recursive: true });
const functions = 'src/adapters/redis/functions';
cpSync(join(root, functions), join(dist, functions), { recursive: true });
chmodSync(join(dist, 'src/main.js'), 0o755);
