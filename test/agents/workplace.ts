import { mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { createTemporaryFolder, type TemporaryFolder } from './temporary-folder.ts';

/** A home, a project and a temporary directory that nobody else uses: the real user's configuration is never read. */
export interface Workplace {
  readonly root: TemporaryFolder;
  readonly home: string;
  readonly project: string;
  /** All that a client process sees of this process's environment, with its own home. */
  readonly env: Readonly<Record<string, string>>;
  /** Writes a JSON file below `home`. */
  writeHomeJson(path: string, value: unknown): void;
}

export function createWorkplace(
  client: string,
  environment: Readonly<Record<string, string>>,
): Workplace {
  const root = createTemporaryFolder(`baton-agents-${client}-`);
  const folder = (name: string): string => {
    mkdirSync(join(root.path, name));
    return join(root.path, name);
  };
  const home = folder('home');
  const path = [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter);
  return {
    root,
    home,
    project: folder('project'),
    env: { PATH: path, HOME: home, TMPDIR: folder('tmp'), NO_COLOR: '1', ...environment },
    writeHomeJson: (name, value) => {
      const file = join(home, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, JSON.stringify(value, null, 2));
    },
  };
}
