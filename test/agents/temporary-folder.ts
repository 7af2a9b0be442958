import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new folder that is gone when this process ends, whatever ends it (but SIGKILL), unless it is kept. */
export interface TemporaryFolder {
  readonly path: string;
  remove(): void;
  keep(): void;
}

const folders = new Set<string>();
process.once('exit', () => {
  for (const path of folders) removeFolder(path);
});

export function createTemporaryFolder(prefix: string): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), prefix));
  folders.add(path);
  return {
    path,
    remove: () => {
      removeFolder(path);
      folders.delete(path);
    },
    keep: () => {
      folders.delete(path);
    },
  };
}

/** Processes that were ended a moment ago may still write there: tried again. */
function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 5 });
}
