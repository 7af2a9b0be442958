import { realpathSync } from 'node:fs';
import { delimiter, dirname, extname, isAbsolute, join } from 'node:path';
import type { Surroundings } from './connect-client.ts';

export interface BatonCommand {
  /** Absolute. */
  readonly node: string;
  /** Absolute. */
  readonly main: string;
  /** Why it may stop working. */
  readonly notes: readonly string[];
}

/** Places that are gone with the shell or the npm run that made them. */
const PASSING = /[\\/](?:fnm_multishells[\\/]|node_modules[\\/]\.bin$)/;

/**
 * The command line to register: an absolute Node and Baton's own entry file.
 *
 * Not the word `node`: an editor started from the desktop has a PATH without the directories of nvm and its like, and in
 * a terminal a version manager may put a Node older than 24 first in some projects. Not simply `process.execPath`: it is
 * the resolved file, such as `/opt/homebrew/Cellar/node/24.1.0/bin/node`, which the next upgrade removes. So: the first
 * place on PATH that is a link to (or is) the Node that runs now, for example `/opt/homebrew/bin/node`, which upgrades
 * keep. A shim or an older Node there is another file and is passed over; then the Node that runs now it is, until its
 * version is removed. For Baton likewise the entry file and not the word `baton`.
 */
export function batonCommand(
  { environment, platform }: Surroundings,
  execPath: string,
  cliDirectory: string,
): BatonCommand {
  const name = platform === 'win32' ? 'node.exe' : 'node';
  const running = realPath(execPath);
  const places = (environment.PATH ?? '')
    .split(delimiter)
    .filter((directory) => isAbsolute(directory) && !PASSING.test(directory))
    .map((directory) => join(directory, name));
  const node = places.find((place) => running !== undefined && realPath(place) === running);
  const main = join(dirname(cliDirectory), `main${extname(import.meta.filename)}`);
  return { node: node ?? execPath, main, notes: notesOn(main) };
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function notesOn(main: string): string[] {
  if (/[\\/]_npx[\\/]/.test(main))
    return [
      `Baton runs from the cache of npx, which npm may empty: install it ("npm install -g baton-mcp") and connect again.`,
    ];
  if (/[\\/]\.pnpm[\\/]/.test(main))
    return ['The path of Baton names its version: connect again after an upgrade.'];
  return [];
}
