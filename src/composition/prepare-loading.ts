import { Console } from 'node:console';
import { registerHooks } from 'node:module';
import { extname } from 'node:path';

/** What handler files import: always this Baton's own, so that they need no copy of the package beside them. */
const SDK = 'baton-mcp/handler';

let isPrepared = false;

/** Before the first handler file is loaded in this thread. */
export function prepareLoading(): void {
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
