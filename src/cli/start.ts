import { readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { dirname, join } from 'node:path';
import { readSurroundings } from '../config/process-environment.ts';
import { createInterruption } from './interruption.ts';

/** Runs the command line of this process and sets its exit code. */
export async function start(argv: readonly string[]): Promise<void> {
  // Halves the start: compiled code is kept in the system's temporary directory. Without it Baton only starts slower.
  enableCompileCache();
  const { runProgram } = await import('./program.ts');
  process.exitCode = await runProgram(argv, {
    surroundings: readSurroundings(),
    interruption: createInterruption(),
    version: packageVersion(import.meta.dirname),
  });
}

/** Of the nearest package.json: the sources and the build stand at different depths below it. */
function packageVersion(directory: string): string {
  try {
    const text = readFileSync(join(directory, 'package.json'), 'utf8');
    const { version } = JSON.parse(text) as { version?: unknown }; // checked below
    if (typeof version === 'string') return version;
  } catch {
    // Not here: look further up.
  }
  const parent = dirname(directory);
  return parent === directory ? '0.0.0' : packageVersion(parent);
}
