import { randomUUID } from 'node:crypto';
import { ProtocolError, type ServerContext } from '@modelcontextprotocol/server';
import type { Application } from '../application/application.ts';
import { logDefect as logAs } from '../application/log-defect.ts';
import type { Logger } from '../ports/logger.ts';
import type { ToolContext } from './define-tool.ts';
import { defectError } from './protocol-errors.ts';

/** What the handlers of one connection share. */
export interface Serving {
  readonly application: Application;
  readonly logger: Logger;
  readonly nowMs: () => number;
  /** Whether the tool is among those offered. */
  readonly offers: (tool: string) => boolean;
  readonly contextOf: (request: ServerContext) => ToolContext;
}

/** Answers a request that is no tool call: what goes wrong on Baton's side stays in the log. */
export async function answering<Result>(
  { logger, contextOf }: Serving,
  method: string,
  request: ServerContext,
  body: (context: ToolContext) => Promise<Result>,
): Promise<Result> {
  try {
    return await body(contextOf(request));
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    throw defectError(logDefect(logger, method, error));
  }
}

/** Whatever was thrown may hold a step's input or a secret: the client gets only this reference to the log. */
export function logDefect(logger: Logger, what: string, error: unknown): string {
  const reference = randomUUID().slice(0, 8);
  logAs(logger, { reference, request: what }, error);
  return reference;
}
