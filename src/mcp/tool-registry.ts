import { LOCAL_CALLER, missingScope, type Scope } from '../application/access/access.ts';
import { nearestName } from '../domain/definition/nearest-name.ts';
import { TOOLSETS, type Tool, type Toolset } from './define-tool.ts';

/** `core`: the default profile; `all`: everything; else the default profile and the named toolsets whole. */
export type ToolSelection = 'core' | 'all' | readonly Toolset[];

export interface ToolRegistry {
  /** In a fixed order, so that clients can cache what they were shown. */
  readonly tools: readonly Tool[];
  find(name: string): Tool | undefined;
  /** Why a tool that exists cannot be called here; `undefined` for a name that no tool has. */
  whyHidden(name: string): string | undefined;
  nearest(name: string): string | undefined;
}

export function createToolRegistry(
  all: readonly Tool[],
  options: {
    readonly toolsets: ToolSelection;
    readonly readOnly: boolean;
    /** Of the caller. Default: all. */
    readonly scopes?: ReadonlySet<Scope>;
  },
): ToolRegistry {
  const { toolsets, readOnly, scopes = LOCAL_CALLER.scopes } = options;
  const tools = all.filter(
    (tool) =>
      isSelected(tool, toolsets) && (!readOnly || tool.isReadOnly) && scopes.has(tool.scope),
  );
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  return {
    tools,
    find: (name) => byName.get(name),
    whyHidden: (name) => {
      const tool = all.find((candidate) => candidate.name === name);
      if (tool === undefined) return undefined;
      if (!scopes.has(tool.scope)) return missingScope(tool.scope).message;
      return readOnly && !tool.isReadOnly
        ? `${name} changes things, and this server was started read-only.`
        : `${name} is not in the default profile: start the server with --toolsets ${tool.toolset} (or all).`;
    },
    nearest: (name) => nearestName(name, [...byName.keys()]),
  };
}

function isSelected(tool: Tool, toolsets: ToolSelection): boolean {
  if (toolsets === 'all' || tool.isDefault) return true;
  return toolsets !== 'core' && toolsets.includes(tool.toolset);
}

/** Reads `all`, or names of toolsets joined by commas, which add to the default profile (`core`). */
export function parseToolSelection(
  text: string,
):
  | { readonly ok: true; readonly selection: ToolSelection }
  | { readonly ok: false; readonly error: string } {
  const names = text.split(',').flatMap((name) => name.trim() || []);
  if (names.length === 1 && names[0] === 'all') return { ok: true, selection: 'all' };
  const named = names.filter((name) => name !== 'core');
  const known = named.filter(isToolset);
  if (known.length === named.length && names.length > 0)
    return { ok: true, selection: known.length === 0 ? 'core' : known };
  const wrong = named.find((name) => !isToolset(name)) ?? '';
  const nearest = nearestName(wrong, [...TOOLSETS, 'all', 'core']);
  const hint = nearest === undefined || nearest === wrong ? '' : `; did you mean "${nearest}"?`;
  return {
    ok: false,
    error: `toolsets: "${wrong}" is not possible here: give all, or some of core, ${TOOLSETS.join(', ')}${hint}`,
  };
}

function isToolset(name: string): name is Toolset {
  return (TOOLSETS as readonly string[]).includes(name);
}
