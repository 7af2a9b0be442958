import {
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
} from '@modelcontextprotocol/server';
import type { UseCaseError } from '../application/use-case.ts';
import { clip } from './text-page.ts';

/** What a use case could not find, as against what it could not do. */
export const NOT_FOUND: ReadonlySet<string> = new Set([
  'unknown_resource',
  'unknown_run',
  'unknown_step',
  'unknown_workflow',
  'unknown_checkpoint',
  'unknown_agent',
]);

/**
 * The error of a reading. A miss is "resource not found" in every revision: -32602 whose data is the URI (SEP-2164);
 * the SDK sends the -32002 of older revisions to nobody.
 */
export function readingError(uri: string, error: UseCaseError): ProtocolError {
  return NOT_FOUND.has(error.code)
    ? new ResourceNotFoundError(clip(uri, 500), messageOf(error))
    : requestError(error);
}

/** The error of a request that is no tool call, so that a model sees nothing but the message. */
export function requestError(error: UseCaseError): ProtocolError {
  const isTheirs = error.code !== 'store_unavailable' && error.code !== 'run_unreadable';
  const code = isTheirs ? ProtocolErrorCode.InvalidParams : ProtocolErrorCode.InternalError;
  return new ProtocolError(code, messageOf(error));
}

export function defectError(reference: string): ProtocolError {
  return new ProtocolError(
    ProtocolErrorCode.InternalError,
    `Baton made a mistake of its own; its log has the details under "${reference}". Nothing was changed: reading never does.`,
  );
}

function messageOf({ code, message, next }: UseCaseError): string {
  return `${code}: ${clip(message, 1_000)} Nothing was changed. Next: ${clip(next, 1_000)}`;
}
