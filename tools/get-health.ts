import { getHealthInputSchema, type Health } from '../src/application/get-health.ts';
import { READS, defineTool } from '../src/mcp/define-tool.ts';
import { healthOutputSchema } from '../src/mcp/output-schemas.ts';
import { clip } from '../src/mcp/text-page.ts';

const MAX_ROWS = 15;

export const getHealth = defineTool({
  name: 'get_health',
  title: 'Health of Baton',
  description: 'Store, queues and workers: ok, or degraded with reasons.',
  toolset: 'operations',
  isDefault: false,
  inputSchema: getHealthInputSchema,
  outputSchema: healthOutputSchema,
  annotations: READS,
  run: async (application, context, input) => {
    const health = await application.getHealth(context, input);
    if (!health.ok) return health;
    const { status, reasons } = health.value;
    const shown = reasons.slice(0, MAX_ROWS).map((reason) => clip(reason, 160));
    return {
      ok: true,
      value: { text: textOf(health.value), structured: { status, reasons: shown } },
    };
  },
});

function textOf({ status, reasons, store, queues, workers }: Health): string {
  const storeLines = store
    ? [`store: ${store.kind} at ${store.location}; ${store.durability}`]
    : [];
  return [
    `status: ${status}`,
    ...rows(reasons.map((reason) => `- ${clip(reason, 160)}`)),
    ...storeLines,
    `queues: ${queues.length}`,
    ...rows(
      queues.map((depth) => `- ${depth.queue}: ${depth.waiting} waiting, ${depth.leased} running`),
    ),
    `workers: ${workers.length}`,
    ...rows(workers.map(({ workerId, busy, limit }) => `- ${workerId}: ${busy} of ${limit} busy`)),
  ].join('\n');
}

function rows(all: readonly string[]): string[] {
  const rest = all.length - MAX_ROWS;
  return rest > 0 ? [...all.slice(0, MAX_ROWS), `- and ${rest} more`] : [...all];
}
