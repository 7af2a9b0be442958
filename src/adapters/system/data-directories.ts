import { isAbsolute, join } from 'node:path';

export interface DataDirectories {
  /** What must not be lost: the store. */
  readonly data: string;
  /** What may be lost: logs. */
  readonly state: string;
  /** What the user writes. */
  readonly config: string;
}

/**
 * Baton's own directories under the user's, by the XDG Base Directory Specification 0.8 (a relative value there is to
 * be ignored); on Windows under LOCALAPPDATA and APPDATA. Creates nothing.
 */
export function dataDirectories(
  environment: Readonly<Record<string, string | undefined>>,
  home: string,
  platform: NodeJS.Platform = process.platform,
): DataDirectories {
  const base = (variable: string, ...fallback: string[]): string => {
    const value = environment[variable];
    return join(value && isAbsolute(value) ? value : join(home, ...fallback), 'baton');
  };
  if (platform === 'win32') {
    const local = base('LOCALAPPDATA', 'AppData', 'Local');
    return { data: local, state: local, config: base('APPDATA', 'AppData', 'Roaming') };
  }
  return {
    data: base('XDG_DATA_HOME', '.local', 'share'),
    state: base('XDG_STATE_HOME', '.local', 'state'),
    config: base('XDG_CONFIG_HOME', '.config'),
  };
}
