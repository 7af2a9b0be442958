import { systemClock } from '../adapters/system/system-clock.ts';
import { ConfigError, type LoadedConfig } from '../config.ts';
import {
  loadHandlers,
  type FoundHandler,
  type LoadedHandlers,
} from '../handlers/third-party/load-handlers.ts';
import type { LoadedKindSource } from '../ports/loaded-kind.ts';
import { prepareLoading } from './prepare-loading.ts';

/** Loads the files of the setting `handlers`; never rejects. Code of the files runs at the first call. */
export function inspectHandlers({ config }: LoadedConfig): Promise<LoadedHandlers> {
  if (config.handlers.length === 0) return Promise.resolve({ handlers: [], problems: [] });
  prepareLoading();
  return loadHandlers(config.handlers, {
    clock: systemClock,
    importModule: (url) => import(url) as Promise<unknown>, // any module at all
  });
}

/** The handlers with their files, by kind. Rejects with ConfigError, which names every file that cannot be used. */
export async function configuredHandlers(loaded: LoadedConfig): Promise<readonly FoundHandler[]> {
  const { handlers, problems } = await inspectHandlers(loaded);
  if (problems.length === 0) return handlers;
  const origin = loaded.origins.get('handlers') ?? 'default';
  throw new ConfigError(
    problems.map(({ file, message }) => ({
      place: file,
      message: `${message} (handlers: ${origin})`,
    })),
  );
}

export type HandlerSource = () => Promise<readonly FoundHandler[]>;

/** `configuredHandlers`, once: a server goes on with what it has loaded, whatever becomes of the files. */
export function createHandlerSource(loaded: LoadedConfig): HandlerSource {
  let handlers: ReturnType<HandlerSource> | undefined;
  return () => (handlers ??= configuredHandlers(loaded));
}

export function kindSource(handlers: HandlerSource): LoadedKindSource {
  return async () =>
    (await handlers()).map(({ handler: { kind, description, declaration } }) => ({
      name: kind,
      description,
      declaration,
    }));
}
