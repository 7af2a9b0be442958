import { systemClock } from '../adapters/system/system-clock.ts';
import { loadHandlers } from '../handlers/third-party/load-handlers.ts';
import { performAttempt } from '../handlers/third-party/perform-attempt.ts';
import { threadContext } from '../handlers/third-party/thread-context.ts';
import type { ThreadTask } from '../handlers/third-party/thread-messages.ts';
import type { StepOutcome } from '../ports/step-handler.ts';
import type { Handler } from '../sdk/handler/handler-object.ts';
import { prepareLoading } from './prepare-loading.ts';

/** Files of this thread; each is loaded once, as in the process. */
const files = new Map<string, ReturnType<typeof loadHandlers>>();

/** What a thread does: one attempt of a handler, whose file is loaded here. */
export default async function performInThread(task: ThreadTask): Promise<StepOutcome> {
  const { context, end } = threadContext(task);
  try {
    return await performAttempt(await handlerOf(task), context);
  } finally {
    end();
  }
}

async function handlerOf({ file, kind }: ThreadTask): Promise<Handler> {
  let loading = files.get(file);
  if (loading === undefined) {
    prepareLoading();
    const importModule = (url: string): Promise<unknown> => import(url) as Promise<unknown>; // any module at all
    loading = loadHandlers([file], { clock: systemClock, importModule });
    files.set(file, loading);
  }
  const { handlers, problems } = await loading;
  const found = handlers.find(({ handler }) => handler.kind === kind);
  if (found !== undefined) return found.handler;
  throw new Error(`${file}: ${problems[0]?.message ?? `defines "${kind}" no more`}`);
}
