import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import {
  declaredKindNameSchema,
  kindDeclarationSchema,
} from '../../domain/definition/kind-declaration.ts';
import { LATER_STEP_KINDS } from '../../domain/definition/step-kinds.ts';
import type { Clock } from '../../ports/clock.ts';
import {
  HANDLER_API_VERSION,
  HANDLER_BRAND,
  isHandler,
  type Handler,
} from '../../sdk/handler/handler-object.ts';

/** For the code at the top level of one file: a server must be ready soon. */
export const LOAD_LIMIT_MS = 10_000;

export interface FoundHandler {
  readonly file: string;
  readonly handler: Handler;
}

export interface HandlerProblem {
  readonly file: string;
  readonly message: string;
}

export interface LoadedHandlers {
  /** By kind; only of files without a problem. */
  readonly handlers: readonly FoundHandler[];
  readonly problems: readonly HandlerProblem[];
}

export interface LoaderPorts {
  readonly clock: Clock;
  readonly importModule: (url: string) => Promise<unknown>;
}

/**
 * Imports the files, one after the other, and collects the handlers they export, by default or by name, alone or in a
 * list. Tells every file that cannot be used and why; never rejects. Runs code of third parties.
 */
export async function loadHandlers(
  files: readonly string[],
  ports: LoaderPorts,
): Promise<LoadedHandlers> {
  const handlers = new Map<string, FoundHandler>();
  const problems: HandlerProblem[] = [];
  for (const file of new Set(files)) {
    try {
      for (const handler of handlersOf(await importFile(file, ports)))
        add(handlers, { file, handler });
    } catch (error) {
      problems.push({ file, message: reasonOf(error) });
    }
  }
  const byKind = [...handlers.values()].sort((a, b) => (a.handler.kind < b.handler.kind ? -1 : 1));
  return { handlers: byKind, problems };
}

/** Why a file cannot be used. */
class UnusableFile extends Error {}

async function importFile(file: string, { clock, importModule }: LoaderPorts): Promise<object> {
  if (!existsSync(file)) throw new UnusableFile('there is no such file');
  const over = new AbortController();
  const tooLate = clock.sleep(LOAD_LIMIT_MS, over.signal).then(() => {
    throw new UnusableFile(`did not finish loading within ${LOAD_LIMIT_MS} ms`);
  });
  // After the import has won, its end is nobody's business.
  tooLate.catch(() => undefined);
  try {
    const module = await Promise.race([importModule(pathToFileURL(file).href), tooLate]);
    return typeof module === 'object' && module !== null ? module : {};
  } finally {
    over.abort();
  }
}

function handlersOf(module: object): ReadonlySet<Handler> {
  const found = new Set<Handler>();
  for (const [name, exported] of Object.entries(module)) {
    for (const item of Array.isArray(exported) ? (exported as unknown[]) : [exported]) {
      if (isHandler(item)) found.add(checked(item));
      else if (name === 'default' || looksLikeHandler(item))
        throw new UnusableFile(`its export "${name}" was not made by defineHandler`);
    }
  }
  if (found.size === 0) throw new UnusableFile('exports no handler made by defineHandler');
  return found;
}

/** It may come from another version of this package. */
function checked(handler: Handler): Handler {
  const { kind } = handler;
  if (handler[HANDLER_BRAND] !== HANDLER_API_VERSION)
    throw new UnusableFile(`the handler "${kind}" was made for another version of Baton`);
  const isSound =
    declaredKindNameSchema.safeParse(kind).success &&
    !LATER_STEP_KINDS.includes(kind) &&
    kindDeclarationSchema.safeParse(handler.declaration).success;
  if (!isSound) throw new UnusableFile(`the handler "${kind}" declares what this Baton refuses`);
  return handler;
}

function looksLikeHandler(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value && 'run' in value;
}

function add(handlers: Map<string, FoundHandler>, found: FoundHandler): void {
  const { kind } = found.handler;
  const first = handlers.get(kind);
  if (first === undefined) handlers.set(kind, found);
  else if (first.handler !== found.handler)
    throw new UnusableFile(`defines "${kind}", which ${first.file} defines too`);
}

function reasonOf(error: unknown): string {
  if (error instanceof UnusableFile) return error.message;
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return `cannot be loaded: ${text.slice(0, 1_000)}`;
}
