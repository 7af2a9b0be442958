import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** In the order in which they refer to each other. */
const PARTS = [
  'shared',
  'run-index',
  'commit',
  'claim',
  'lease',
  'read',
  'list',
  'catalog',
  'listen',
] as const;

/** The library of Redis functions that does all reading and writing of runs, work and catalogue. */
export interface FunctionLibrary {
  /** What FUNCTION LOAD takes. */
  readonly source: string;
  /** The name under which a function is called. */
  nameOf(operation: string): string;
}

/**
 * The library's name, and with it each function's, carries the hash of its content: processes of two versions work side
 * by side, each with the functions it was written for. Libraries of versions gone by stay (some 40 KB each).
 */
export function readFunctionLibrary(): FunctionLibrary {
  const folder = join(import.meta.dirname, 'functions');
  const body = PARTS.map((part) => readFileSync(join(folder, `${part}.lua`), 'utf8')).join('\n');
  const hash = createHash('sha256').update(body).digest('hex').slice(0, 12);
  const name = `baton_${hash}`;
  return {
    source: `#!lua name=${name}\n${registration(name)}\n${body}`,
    nameOf: (operation) => `${name}_${operation}`,
  };
}

function registration(name: string): string {
  return `
-- Only running functions see redis.call and Lua's own libraries.
local call, format, sub, find, started

local function register(operation, callback, flag)
  redis.register_function{
    function_name = '${name}_' .. operation,
    flags = flag and { flag } or {},
    callback = function(keys, args)
      call, format, sub, find = redis.call, string.format, string.sub, string.find
      started = nil
      return callback(keys, args)
    end,
  }
end`;
}
