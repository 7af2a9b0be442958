import type { JsonObject } from '../../domain/json.ts';
import type { ProcessSurroundings } from '../../config/process-environment.ts';
import type { Dialect } from './configuration-text.ts';

export type Scope = 'user' | 'project';

/** How a client reaches Baton. */
export type Server =
  | {
      readonly kind: 'stdio';
      readonly command: string;
      readonly args: readonly string[];
      /** Variables to set or to change; those that the entry already has stay. */
      readonly env: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'http';
      readonly url: string;
      /** To set or to change; those that the entry already has stay, if `keepsHeaders`. */
      readonly headers: Readonly<Record<string, string>>;
      /** False: the headers that the entry has were meant for another origin, which alone may see them. */
      readonly keepsHeaders: boolean;
    };

/** A server said in a client's own words. */
export interface EntryShape {
  /** Keys that are Baton's: set on every run. A list replaces the list that is there. */
  readonly owned: JsonObject;
  /** Keys that a new entry begins with; afterwards they are the user's. */
  readonly initial: JsonObject;
  /** Variables or headers, merged key by key; absent where the client has none. */
  readonly merged?: { readonly key: string; readonly values: Readonly<Record<string, string>> };
  /** Keys that would make the client take the entry for another kind of server. */
  readonly contradicting: readonly string[];
}

export interface Surroundings extends ProcessSurroundings {
  readonly platform: NodeJS.Platform;
}

export interface ClientFiles {
  /** Absolute; the one that outvotes the others first. */
  readonly candidates: readonly string[];
  /** The candidate that is made when none is there. */
  readonly made: string;
}

/** One MCP client: where its configuration stands, and how it wants a server described. */
export interface ConnectClient {
  readonly id: string;
  readonly title: string;
  /** The key under which servers stand by name. */
  readonly section: string;
  readonly dialect: Dialect;
  /** Besides the section, in a file that Baton makes. */
  readonly newFile: JsonObject;
  /** `undefined`: the client has no such scope. */
  files(scope: Scope, surroundings: Surroundings): ClientFiles | undefined;
  entry(server: Server): EntryShape;
  /** What the user does to see it work. */
  readonly next: string;
}

export function oneFile(path: string): ClientFiles {
  return { candidates: [path], made: path };
}

/** The shape that most clients share: `command` and `args` apart. `type` is left out where it is undefined. */
export function commonShape(
  server: Server,
  options: { readonly type?: string; readonly initial?: JsonObject } = {},
): EntryShape {
  const { type, initial = {} } = options;
  if (server.kind === 'http')
    return {
      owned: { ...(type !== undefined && { type }), url: server.url },
      initial,
      merged: { key: 'headers', values: server.headers },
      contradicting: [
        ...['command', 'args', 'cwd', 'httpUrl', 'transport', 'transportType'],
        ...staleHeaders(server),
      ],
    };
  return {
    owned: {
      ...(type !== undefined && { type }),
      command: server.command,
      args: [...server.args],
    },
    initial,
    merged: { key: 'env', values: server.env },
    contradicting: ['url', 'httpUrl', 'headers', 'transport', 'transportType'],
  };
}

/** The key of headers, where those that are there must go. */
export function staleHeaders({ keepsHeaders }: Extract<Server, { kind: 'http' }>): string[] {
  return keepsHeaders ? [] : ['headers'];
}
