import { readFileSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { isJsonObject, type JsonObject } from '../../domain/json.ts';
import { isSystemError } from './configuration-file.ts';
import { urlOf, wordsOf } from './entry-words.ts';

/** The name that Baton registers itself under where none is given. */
export const DEFAULT_NAME = 'baton';
const PACKAGE = 'baton-mcp';
const RUN_PACKAGE = /^baton-mcp(?:@|$)/;
/** As built, and as it runs from its sources. */
const MAIN = /[\\/](?:dist[\\/])?src[\\/]main\.[jt]s$/;
const PACKAGED_MAIN = /[\\/]baton-mcp[\\/]dist[\\/]src[\\/]main\.js$/;
const BUILT_MAIN = /(?:^|[\\/])dist[\\/]src[\\/]main\.js$/;
const BIN = /^baton(?:\.cmd|\.exe)?$/;
const NODE = /^node(?:\.exe)?$/;
const RUNNER = /^(?:npx|bunx)(?:\.cmd|\.exe)?$/;

export interface Claim {
  readonly name: string;
  /** That the user gave: it says which server over HTTP is meant. */
  readonly url?: string | undefined;
}

/**
 * Whether an entry is certainly Baton's to change or to remove: its command line runs Baton's own program and then `mcp`,
 * or it leads to the URL that was given. What has the default name may also lead to another URL, or to nothing. Whatever
 * is not certain is somebody else's.
 */
export function isBatons(entry: JsonObject, claim: Claim): boolean {
  const words = wordsOf(entry);
  if (words.length > 0 && !runsBaton(words, claim.name)) return false;
  if (claim.name === DEFAULT_NAME) return true;
  const leadsTo = urlOf(entry);
  return leadsTo === undefined ? words.length > 0 : isSameUrl(leadsTo, claim.url);
}

function isSameUrl(one: string, other: string | undefined): boolean {
  const url = URL.parse(one);
  return url !== null && other !== undefined && url.href === URL.parse(other)?.href;
}

/** `node […] MAIN mcp …`, `MAIN mcp …`, `baton mcp …` or `npx […] baton-mcp mcp …`. */
function runsBaton(words: readonly string[], name: string): boolean {
  const at = words.indexOf('mcp');
  const program = words[at - 1];
  if (program === undefined) return false;
  const [before, ...flags] = words.slice(0, at - 1);
  if (before === undefined) return BIN.test(lastPart(program)) || isMain(program, name);
  if (!flags.every((flag) => flag.startsWith('-'))) return false;
  if (RUNNER.test(lastPart(before))) return RUN_PACKAGE.test(program);
  return NODE.test(lastPart(before)) && isMain(program, name);
}

/** Of a path of any system. */
function lastPart(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? path;
}

/**
 * An entry file of Baton: of a package of its name. Of one that is gone the path must name the package, or the entry be
 * Baton's by its name: so that connecting again mends an entry whose Baton was moved away.
 */
function isMain(path: string, name: string): boolean {
  const mayBeGone = PACKAGED_MAIN.test(path) || (name === DEFAULT_NAME && BUILT_MAIN.test(path));
  if (!isAbsolute(path)) return mayBeGone;
  try {
    const file = realpathSync(path);
    return MAIN.test(file) && packageNameAbove(dirname(file)) === PACKAGE;
  } catch (error) {
    return mayBeGone && isSystemError(error) && /^(?:ENOENT|ENOTDIR)$/.test(error.code ?? '');
  }
}

function packageNameAbove(directory: string): unknown {
  try {
    const content: unknown = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    if (isJsonObject(content)) return content.name;
  } catch {
    // None here, or none that counts: look further up.
  }
  const parent = dirname(directory);
  return parent === directory ? undefined : packageNameAbove(parent);
}
