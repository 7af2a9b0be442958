import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const SOURCES = ['src', 'tools', 'resources', 'prompts'];

/**
 * Copies the built program to a folder, with the step kind of these tests beside it: a build that others make meanwhile
 * changes nothing. Builds first where `dist` is missing or older than the sources.
 */
export function copyProgram(folder: string, from: string = ROOT): void {
  if (from === ROOT && isStale()) {
    process.stderr.write('building\n');
    execFileSync(process.execPath, [join(ROOT, 'scripts/build.ts')], { stdio: 'inherit' });
  }
  cpSync(join(from, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(from, 'package.json'), join(folder, 'package.json'));
  cpSync(join(import.meta.dirname, 'effect-handler.ts'), join(folder, 'effect-handler.ts'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
}

function isStale(): boolean {
  const main = join(ROOT, 'dist/src/main.js');
  if (!existsSync(main)) return true;
  const builtAtMs = statSync(main).mtimeMs;
  return SOURCES.some((source) =>
    readdirSync(join(ROOT, source), { recursive: true, withFileTypes: true }).some(
      (entry) => entry.isFile() && statSync(join(entry.parentPath, entry.name)).mtimeMs > builtAtMs,
    ),
  );
}
