import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the functions share, in the order in which they refer to each other. */
const SHARED_PARTS = [
  'shared',
  'items',
  'turns',
  'run-index',
  'schedule',
  'feed-length',
  'request',
] as const;
/** The functions. Each part has its own names: Lua knows no more than 200 in one block. */
const PARTS = [
  'commit',
  'claim',
  'lease',
  'read',
  'list',
  'catalog',
  'listen',
  'feed',
  'rights',
  'fence',
] as const;

/** The library of Redis functions that does all reading and writing of runs, work and catalogue. */
export interface FunctionLibrary {
  /** What FUNCTION LOAD takes. */
  readonly source: string;
  /** Commands of Redis that its functions run, as rules of access name them. */
  readonly commands: readonly string[];
  /** The name under which a function is called. */
  nameOf(operation: string): string;
}

/**
 * The library's name, and with it each function's, carries the hash of its content: processes of two versions work side
 * by side, each with the functions it was written for. Libraries of versions gone by stay (some 40 KB each). `addition`
 * makes it another version, for tests.
 */
export function readFunctionLibrary(addition = ''): FunctionLibrary {
  const folder = join(import.meta.dirname, 'functions');
  const read = (part: string): string => readFileSync(join(folder, `${part}.lua`), 'utf8');
  const parts = PARTS.map((part) => `do\n${read(part)}end`);
  const body = [...SHARED_PARTS.map(read), ...parts, addition].join('\n');
  const hash = createHash('sha256').update(body).digest('hex').slice(0, 12);
  const name = `baton_${hash}`;
  return {
    source: `#!lua name=${name}\n${registration(name)}\n${body}`,
    commands: commandsIn(body),
    nameOf: (operation) => `${name}_${operation}`,
  };
}

/** Commands whose permission is one for each subcommand. */
const CONTAINERS = ['MEMORY', 'OBJECT', 'XGROUP', 'XINFO'];

/** The first argument of every `call`, and of what passes it on (`call_in_parts`); `MEMORY|USAGE` where it has two. */
function commandsIn(body: string): readonly string[] {
  const calls = body.matchAll(/\bcall\w*\(\s*'([A-Z]+)'(?:,\s*'([A-Z]+)')?/g);
  const names = [...calls].map(([, name = '', sub = '']) =>
    CONTAINERS.includes(name) ? `${name}|${sub}` : name,
  );
  return [...new Set(names)].sort();
}

function registration(name: string): string {
  return `
-- Only running functions see redis.call and Lua's own libraries.
local call, format, sub, find, byte, started
local flush, forget_changes

local function register(operation, callback, flag)
  redis.register_function{
    function_name = '${name}_' .. operation,
    flags = flag and { flag } or {},
    callback = function(keys, args)
      call, format, sub, find, byte = redis.call, string.format, string.sub, string.find, string.byte
      started = nil
      forget_changes()
      local reply = callback(keys, args)
      flush()
      return reply
    end,
  }
end`;
}
