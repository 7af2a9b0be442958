import { isAbsolute, join, resolve } from 'node:path';
import type { Surroundings } from './connect-client.ts';

/** A variable that names a place; relative ones count from the current directory, empty ones as unset. */
export function variable({ environment, cwd }: Surroundings, name: string): string | undefined {
  const value = environment[name]?.trim() ?? '';
  return value === '' ? undefined : resolve(cwd, value);
}

/** XDG Base Directory Specification 0.8: a relative value is to be ignored. */
export function xdgConfigHome({ environment, home }: Surroundings): string {
  const value = environment.XDG_CONFIG_HOME ?? '';
  return isAbsolute(value) ? value : join(home, '.config');
}
