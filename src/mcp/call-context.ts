import type { ServerContext } from '@modelcontextprotocol/server';
import { CLIENT_INFO_META_KEY, TRACEPARENT_META_KEY } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Caller } from '../application/access/access.ts';
import type { RunProgress } from '../application/runs/run-view.ts';
import type { CallContext } from '../application/use-case.ts';
import type { ToolContext } from './define-tool.ts';
import { progressText } from './progress-text.ts';

const clientInfoSchema = z.object({ name: z.string() });

/** Version, trace id, parent id and flags of W3C Trace Context. */
const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/;

/** Who calls, from what the protocol says of the request. The client's name is its own word, no proof. */
export function callContext(
  request: ServerContext,
  connection: {
    readonly id: string;
    readonly caller: Caller;
    /** Of a client that introduced itself once, at the start (before 2026-07-28). */
    readonly clientName: string | undefined;
    readonly maxWaitSeconds: number;
    /** Ends waits, as the caller's going does. */
    readonly ending: AbortSignal | undefined;
    /** Told of a notification that could not be sent. */
    readonly onNotifyFailed: (error: unknown) => void;
  },
): ToolContext {
  const { mcpReq } = request;
  const { ending } = connection;
  // The SDK's type leaves the keys of the envelope open.
  const envelope: Readonly<Record<string, unknown>> = mcpReq.envelope ?? {};
  const client = clientInfoSchema.safeParse(envelope[CLIENT_INFO_META_KEY]).data;
  const traceparent = mcpReq._meta?.[TRACEPARENT_META_KEY];
  const onProgress = progressNotifier(request, connection.onNotifyFailed);
  return {
    tenant: connection.caller.tenant,
    scopes: connection.caller.scopes,
    actor: actorOf(connection.caller, client?.name ?? connection.clientName),
    causationId: `mcp:${connection.id}:${mcpReq.id}`,
    signal: ending === undefined ? mcpReq.signal : AbortSignal.any([mcpReq.signal, ending]),
    maxWaitSeconds: connection.maxWaitSeconds,
    ...(typeof traceparent === 'string' && TRACEPARENT.test(traceparent) && { traceparent }),
    ...(onProgress && { onProgress }),
  };
}

/** Of what a connection reads for its subscriptions, when no request asks. */
export function standingContext({ tenant, scopes }: Caller): CallContext {
  return { tenant, scopes, actor: 'client:subscription', causationId: 'mcp:subscription' };
}

/** A key is proof; the client's own name is not, and says only what the local user runs. */
function actorOf({ key }: Caller, clientName: string | undefined): string {
  return key === undefined ? `client:${printable(clientName)}` : `key:${printable(key.name)}`;
}

function progressNotifier(
  { mcpReq }: ServerContext,
  onNotifyFailed: (error: unknown) => void,
): ((progress: RunProgress) => void) | undefined {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return undefined;
  return (progress) => {
    const { completed, failed, dropped, total } = progress;
    const params = {
      progressToken,
      progress: completed + failed + dropped,
      total,
      message: progressText(progress),
    };
    mcpReq.notify({ method: 'notifications/progress', params }).catch(onNotifyFailed);
  };
}

function printable(name: string | undefined): string {
  return (name ?? 'unknown').replaceAll(/[^\w.@/ -]/g, '').slice(0, 64) || 'unknown';
}
