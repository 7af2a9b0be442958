import { access, constants } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { RepositoryError } from '../../ports/repository-reader.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where git finds the user's configuration; the rest is what Windows needs to start a program. */
const PASSED = ['PATH', 'HOME', 'XDG_CONFIG_HOME', 'USERPROFILE', 'HOMEDRIVE', 'HOMEPATH'];
const PASSED_ON_WINDOWS = ['SystemRoot', 'Path', 'TEMP', 'TMP'];

const FIXED = {
  LC_ALL: 'C',
  // Never write an index only to refresh it, ask for a password, or fetch what a partial clone lacks.
  GIT_OPTIONAL_LOCKS: '0',
  GIT_TERMINAL_PROMPT: '0',
  GIT_NO_LAZY_FETCH: '1',
  GIT_ALLOW_PROTOCOL: 'none',
};

/** All that git sees. No `GIT_*` of the caller: they could name another repository. */
export function gitEnvironment(environment: Environment): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name of process.platform === 'win32' ? [...PASSED, ...PASSED_ON_WINDOWS] : PASSED) {
    const value = environment[name];
    if (value !== undefined) passed[name] = value;
  }
  return { ...passed, ...FIXED };
}

/** Git's absolute path. Relative entries of PATH are passed over: they would find programs of the repository. */
export async function findGit({ PATH, Path }: Environment): Promise<string> {
  const name = process.platform === 'win32' ? 'git.exe' : 'git';
  for (const directory of (PATH ?? Path ?? '').split(delimiter)) {
    if (!isAbsolute(directory)) continue;
    const file = join(directory, name);
    const isProgram = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isProgram) return file;
  }
  throw new RepositoryError('git was not found on PATH');
}
