import type { Transport } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Logger } from '../ports/logger.ts';
import type { McpConnection } from './server.ts';
import type { ResourceRegistry } from './resource-registry.ts';
import type { ResourceWatch } from './resource-watch.ts';
import { declaresTasks, missingTasksExtension } from './tasks/client-extension.ts';

const LISTEN = 'subscriptions/listen';
const CANCELLED = 'notifications/cancelled';

/** Addresses of one request; of those behind them nothing is heard. */
const MAX_LOOKED_AT = 1_000;

const idSchema = z.union([z.string(), z.number()]);

const listenSchema = z.looseObject({
  jsonrpc: z.literal('2.0'),
  id: idSchema,
  method: z.literal(LISTEN),
  params: z.looseObject({
    notifications: z.looseObject({
      resourcesListChanged: z.boolean().optional(),
      resourceSubscriptions: z.array(z.string()).optional(),
      /** Of the tasks extension. */
      taskIds: z.array(z.string()).optional(),
    }),
  }),
});
export type Listen = z.infer<typeof listenSchema>;

const cancelledSchema = z.looseObject({
  method: z.literal(CANCELLED),
  params: z.looseObject({ requestId: idSchema }),
});

/**
 * Since 2026-07-28 the SDK answers `subscriptions/listen` beside the server object and tells it nothing: it only lets
 * notices through that somebody listens for. This looks at what comes and goes on the transport, so that the watch
 * knows what to look for. A request is passed on when the resources have been read: what changes after its
 * acknowledgement is told of. Addresses that no resource has, and those past the limit, are taken out, so that the
 * acknowledgement names what is really watched.
 */
export function watchListenRequests(
  transport: Transport,
  { watch, registry }: Pick<McpConnection, 'watch' | 'registry'>,
  logger: Logger,
): void {
  if (watch === undefined) return;
  const pending = new Set<string | number>();
  const { onmessage } = transport;
  const send = transport.send.bind(transport);
  const onError = (error: unknown): void => logger.warn({ error: String(error) }, 'a subscription');

  transport.onmessage = (message, extra) => {
    const cancelled = isMethod(message, CANCELLED) && cancelledSchema.safeParse(message).data;
    if (cancelled) {
      const { requestId } = cancelled.params;
      watch.unsubscribe(requestId);
      // It has not been passed on yet, and never will be.
      if (pending.delete(requestId)) return;
    }
    const listen = isMethod(message, LISTEN) ? parseListen(message) : undefined;
    if (listen === undefined) {
      onmessage?.(message, extra);
      return;
    }
    const error = refusedListen(listen);
    if (error !== undefined) {
      send({ jsonrpc: '2.0', id: listen.id, error }).catch(onError);
      return;
    }
    pending.add(listen.id);
    const honoured = narrowListen(listen, { watch, registry });
    void subscribeTo(honoured, watch)
      .catch(onError)
      .then(() => {
        if (pending.delete(listen.id)) onmessage?.(honoured, extra);
        else watch.unsubscribe(listen.id);
      });
  };
  transport.send = (message, options) => {
    if ('error' in message && message.id !== undefined) watch.unsubscribe(message.id);
    return send(message, options);
  };
}

/** `undefined`: the message is no such request, or one that the SDK refuses. */
export function parseListen(message: unknown): Listen | undefined {
  return listenSchema.safeParse(message).data;
}

/**
 * Who asks for notices of tasks has to declare the tasks extension. To who does none are promised: the acknowledgement
 * leaves them out, and the client asks by `tasks/get`.
 */
export function refusedListen({ params }: Listen): ProtocolErrorBody | undefined {
  if (params.notifications.taskIds === undefined || declaresTasks(params._meta)) return undefined;
  const { code, message, data } = missingTasksExtension();
  return { code, message, data };
}

interface ProtocolErrorBody {
  readonly code: number;
  readonly message: string;
  readonly data: unknown;
}

function isMethod(message: object, method: string): boolean {
  return 'method' in message && message.method === method;
}

/** Resolves when the resources have been read: what changes from then on is told of. */
export async function subscribeTo({ id, params }: Listen, watch: ResourceWatch): Promise<void> {
  const { resourceSubscriptions = [], resourcesListChanged } = params.notifications;
  if (resourceSubscriptions.length > 0) await watch.subscribe(id, resourceSubscriptions);
  if (resourcesListChanged === true) await watch.watchList(id);
}

/** Without the addresses that no resource has, and those past the limit. */
export function narrowListen(
  listen: Listen,
  { watch, registry }: { readonly watch: ResourceWatch; readonly registry: ResourceRegistry },
): Listen {
  const { resourceSubscriptions } = listen.params.notifications;
  if (resourceSubscriptions === undefined) return listen;
  let { left } = watch;
  const honoured = [...new Set(resourceSubscriptions.slice(0, MAX_LOOKED_AT))].filter((uri) => {
    if (registry.find(uri) === undefined) return false;
    if (watch.isWatched(uri)) return true;
    left -= 1;
    return left >= 0;
  });
  const notifications = { ...listen.params.notifications, resourceSubscriptions: honoured };
  return { ...listen, params: { ...listen.params, notifications } };
}
