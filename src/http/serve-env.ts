import type { HttpBindings } from '@hono/node-server';
import type { HttpEnv } from './http-env.ts';

/** As `HttpEnv`, with what only those may look at that stand before the endpoints. */
export interface ServeEnv extends HttpEnv {
  readonly Bindings: HttpBindings;
  readonly Variables: HttpEnv['Variables'] & {
    /** Whether the caller would be let in now, too: asked of those whose stream goes on. */
    readonly isStillLetIn: () => Promise<boolean>;
  };
}
