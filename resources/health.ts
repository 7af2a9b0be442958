import { viewBreaker } from '../src/application/health/breaker-health.ts';
import { defineResource } from '../src/mcp/define-resource.ts';
import { jsonContent } from '../src/mcp/resource-content.ts';
import { clip } from '../src/mcp/text-page.ts';

const MAX_ROWS = 50;

export const healthResource = defineResource({
  name: 'health',
  title: 'Health of Baton',
  description: 'Store, queues and workers: ok, or degraded with reasons.',
  uri: 'health://status',
  mimeType: 'application/json',
  useCase: 'getHealth',
  read: async (application, context) => {
    const health = await application.getHealth(context, {});
    if (!health.ok) return health;
    const { status, reasons, store, queues, workers, breakers } = health.value;
    const content = jsonContent({
      status,
      reasons: reasons.slice(0, MAX_ROWS).map((reason) => clip(reason, 200)),
      ...(store && {
        store: { kind: store.kind, location: store.location, durability: store.durability },
      }),
      breakers: breakers.slice(0, MAX_ROWS).map(viewBreaker),
      queues_total: queues.length,
      queues: queues
        .slice(0, MAX_ROWS)
        .map(({ queue, waiting, leased }) => ({ queue: clip(queue, 120), waiting, leased })),
      workers_total: workers.length,
      workers: workers
        .slice(0, MAX_ROWS)
        .map(({ workerId, busy, limit }) => ({ worker_id: clip(workerId, 120), busy, limit })),
    });
    return { ok: true, value: content };
  },
});
