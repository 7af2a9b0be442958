import { busText, consumerText } from '../src/application/bus/bus-health.ts';
import { viewBreaker } from '../src/application/health/breaker-health.ts';
import { getHealthInputSchema, type Health } from '../src/application/health/get-health.ts';
import type { StoreDescription } from '../src/ports/store.ts';
import { READS, defineTool } from '../src/mcp/define-tool.ts';
import { healthOutputSchema } from '../src/mcp/output-schemas.ts';
import { clip } from '../src/mcp/text-page.ts';

const MAX_ROWS = 15;

export const getHealth = defineTool({
  name: 'get_health',
  title: 'Health of Baton',
  description: 'Store, queues and workers: ok, or degraded with reasons.',
  toolset: 'operations',
  useCase: 'getHealth',
  isDefault: false,
  inputSchema: getHealthInputSchema,
  outputSchema: healthOutputSchema,
  annotations: READS,
  run: async (application, context, input) => {
    const health = await application.getHealth(context, input);
    if (!health.ok) return health;
    const { status, reasons, breakers } = health.value;
    const shown = reasons.slice(0, MAX_ROWS).map((reason) => clip(reason, 160));
    return {
      ok: true,
      value: {
        text: textOf(health.value),
        structured: {
          status,
          reasons: shown,
          breakers: breakers.slice(0, MAX_ROWS).map(viewBreaker),
        },
      },
    };
  },
});

function textOf(health: Health): string {
  const { status, reasons, store, bus, queues, workers } = health;
  const storeLines = store
    ? [
        `store: ${store.kind} at ${store.location}; ${store.durability}`,
        ...(health.isOwnOnly ? [] : [`- found there: ${clip(foundText(store.details), 400)}`]),
      ]
    : [];
  return [
    `status: ${status}`,
    ...rows(reasons.map((reason) => `- ${clip(reason, 160)}`)),
    ...storeLines,
    ...(bus
      ? [`bus: ${busText(bus)}`, ...rows(bus.consumers.map((one) => `- ${consumerText(one)}`))]
      : []),
    `queues: ${queues.length}`,
    ...rows(
      queues.map((depth) => `- ${depth.queue}: ${depth.waiting} waiting, ${depth.leased} running`),
    ),
    health.isOwnOnly ? 'workers: not told to this tenant' : `workers: ${workers.length}`,
    ...rows(workers.map(({ workerId, busy, limit }) => `- ${workerId}: ${busy} of ${limit} busy`)),
  ].join('\n');
}

function foundText(details: StoreDescription['details']): string {
  return Object.entries(details)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

function rows(all: readonly string[]): string[] {
  const rest = all.length - MAX_ROWS;
  return rest > 0 ? [...all.slice(0, MAX_ROWS), `- and ${rest} more`] : [...all];
}
