import { totalmem } from 'node:os';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { effectiveCores } from '../adapters/system/load-probe.ts';
import {
  createDeclaredHandler,
  type RunElsewhere,
} from '../handlers/third-party/declared-handler.ts';
import { HandlerThreads } from '../handlers/third-party/handler-threads.ts';
import type { FoundHandler } from '../handlers/third-party/load-handlers.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { StepHandler } from '../ports/step-handler.ts';

const THREAD_ENTRY = fileURLToPath(
  new URL(`handler-thread${extname(import.meta.filename)}`, import.meta.url),
);
const MIB = 1_048_576;
const MIN_THREAD_MEMORY_MB = 256;
const MAX_THREAD_MEMORY_MB = 4_096;

export interface ThirdPartyHandlers {
  readonly handlers: readonly StepHandler[];
  /** Ends the threads, once no attempt runs any more. */
  close(): Promise<void>;
}

/** Step kinds of third parties; those that are CPU-bound share one thread a core. */
export function createThirdPartyHandlers(
  found: readonly FoundHandler[],
  ports: { readonly clock: Clock; readonly logger: Logger },
): ThirdPartyHandlers {
  const isCpuBound = ({ handler }: FoundHandler): boolean => handler.cpuBound === true;
  const threads = found.some(isCpuBound) ? oneThreadACore(ports) : undefined;
  return {
    handlers: found.map((one) => {
      const { handler, file } = one;
      const elsewhere: RunElsewhere | undefined =
        threads && isCpuBound(one)
          ? (context) => threads.perform(file, handler.kind, context)
          : undefined;
      return createDeclaredHandler(handler, ports.clock, elsewhere);
    }),
    close: async () => threads?.close(),
  };
}

function oneThreadACore(ports: { readonly clock: Clock; readonly logger: Logger }): HandlerThreads {
  const threads = Math.max(1, Math.floor(effectiveCores()));
  return new HandlerThreads({
    ...ports,
    entry: THREAD_ENTRY,
    threads,
    memoryMb: memoryOf(threads),
  });
}

/** An equal share of half the memory that the process may use. */
function memoryOf(threads: number): number {
  const constrained = process.constrainedMemory();
  const usable = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  const share = Math.floor(usable / MIB / 2 / threads);
  return Math.min(MAX_THREAD_MEMORY_MB, Math.max(MIN_THREAD_MEMORY_MB, share));
}
