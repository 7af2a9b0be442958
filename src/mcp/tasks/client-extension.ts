import {
  CLIENT_CAPABILITIES_META_KEY,
  MissingRequiredClientCapabilityError,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';

export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';

const declaredSchema = z.looseObject({
  extensions: z.looseObject({ [TASKS_EXTENSION]: z.looseObject({}) }),
});

/** Since 2026-07-28 each request says what its client can. */
export function declaresTasks({ mcpReq }: ServerContext): boolean {
  const envelope: Readonly<Record<string, unknown>> = mcpReq.envelope ?? {};
  return declaredSchema.safeParse(envelope[CLIENT_CAPABILITIES_META_KEY]).success;
}

export function missingTasksExtension(): MissingRequiredClientCapabilityError {
  return new MissingRequiredClientCapabilityError({
    requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } },
  });
}
