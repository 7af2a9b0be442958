import { Console } from 'node:console';
import { registerHooks } from 'node:module';
import { extname } from 'node:path';
import { systemClock } from '../adapters/system/system-clock.ts';
import { ConfigError, type LoadedConfig } from '../config.ts';
import { loadHandlers, type LoadedHandlers } from '../handlers/third-party/load-handlers.ts';
import type { LoadedKindSource } from '../ports/loaded-kind.ts';
import type { Handler } from '../sdk/handler/handler-object.ts';

/** What handler files import: always this Baton's own, so that they need no copy of the package beside them. */
const SDK = 'baton-mcp/handler';

/** Loads the files of the setting `handlers`; never rejects. Code of the files runs at the first call. */
export function inspectHandlers({ config }: LoadedConfig): Promise<LoadedHandlers> {
  if (config.handlers.length === 0) return Promise.resolve({ handlers: [], problems: [] });
  prepareProcess();
  return loadHandlers(config.handlers, {
    clock: systemClock,
    importModule: (url) => import(url) as Promise<unknown>, // any module at all
  });
}

/** The handlers, by kind. Rejects with ConfigError, which names every file that cannot be used. */
export async function configuredHandlers(loaded: LoadedConfig): Promise<readonly Handler[]> {
  const { handlers, problems } = await inspectHandlers(loaded);
  if (problems.length === 0) return handlers.map(({ handler }) => handler);
  const origin = loaded.origins.get('handlers') ?? 'default';
  throw new ConfigError(
    problems.map(({ file, message }) => ({
      place: file,
      message: `${message} (handlers: ${origin})`,
    })),
  );
}

export type HandlerSource = () => Promise<readonly Handler[]>;

/** `configuredHandlers`, once: a server goes on with what it has loaded, whatever becomes of the files. */
export function createHandlerSource(loaded: LoadedConfig): HandlerSource {
  let handlers: ReturnType<HandlerSource> | undefined;
  return () => (handlers ??= configuredHandlers(loaded));
}

export function kindSource(handlers: HandlerSource): LoadedKindSource {
  return async () =>
    (await handlers()).map(({ kind, description, declaration }) => ({
      name: kind,
      description,
      declaration,
    }));
}

let isPrepared = false;

function prepareProcess(): void {
  if (isPrepared) return;
  isPrepared = true;
  // Standard output carries the protocol of `baton mcp` and the documents of `--json`.
  globalThis.console = new Console(process.stderr, process.stderr);
  const own = new URL(`../sdk/handler${extname(import.meta.filename)}`, import.meta.url).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === SDK ? { url: own, shortCircuit: true } : next(specifier, context),
  });
}
