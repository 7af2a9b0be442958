import fc from 'fast-check';
import { LOCAL_CALLER, type Caller } from '../../../../src/application/access/access.ts';
import { restDocument } from '../../../../src/http/rest/openapi/rest-document.ts';
import { settled } from '../../../support/application.ts';
import { ANNA, createRig, type Rig } from '../rig.ts';
import { EventClient } from '../event-client.ts';
import { createJudge, type Judge } from './expectations.ts';
import { filled, nameOf, requestsTo, type HammerRequest, type Operation } from './requests.ts';
import { createWorld, type Known } from './world.ts';

const document = restDocument('0.0.0-test', { isExact: true });

export const operations: readonly Operation[] = Object.entries(document.paths ?? {}).flatMap(
  ([path, methods]) =>
    Object.entries(methods as Record<string, Operation['described']>).map(
      ([method, described]) => ({ path, method, described }),
    ),
);

const operationsByName = new Map(operations.map((one) => [nameOf(one), one]));

function operationOf({ operation }: HammerRequest): Operation {
  const found = operationsByName.get(operation);
  if (found === undefined) throw new Error(`no operation ${operation}`);
  return found;
}

const CALLERS: readonly Caller[] = [
  ANNA,
  ANNA,
  LOCAL_CALLER,
  { ...LOCAL_CALLER, scopes: new Set(['runs:read']) },
];

/** How often each operation answered with each status. */
export type Tally = Map<string, Map<number, number>>;

/**
 * Sends requests in sequences, each to a world of its own, and judges every answer by the document. Rejects with the seed
 * and the shortest sequence that shows a mistake.
 */
export async function hammer(options: {
  readonly numRuns: number;
  readonly seed: number;
}): Promise<Tally> {
  const tally: Tally = new Map();
  const judge = createJudge(document);
  const requests = fc.oneof(...operations.map(requestsTo));
  const sequences = fc.array(requests, { minLength: 20, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...CALLERS), sequences, async (caller, sequence) => {
      const { bench, known } = await createWorld();
      const rig = createRig({ caller, bench });
      for (const request of sequence) {
        const { status } = await sendAndJudge(rig, known, request, judge);
        note(tally, request.operation, status);
      }
      if (rig.logged.length > 0) throw new Error(`a defect: ${rig.logged.join('\n')}`);
    }),
    options,
  );
  return tally;
}

async function sendAndJudge(
  rig: Rig,
  known: Known,
  request: HammerRequest,
  judge: Judge,
): Promise<{ status: number }> {
  const { headers, body } = request;
  const operation = operationOf(request);
  const path = pathOf(request, known);
  const text = body === undefined ? undefined : JSON.stringify(filled(body, known));
  const gone = new AbortController();
  const init = {
    method: operation.method.toUpperCase(),
    headers: { 'content-type': 'application/json', ...headers },
    signal: gone.signal,
    ...(text !== undefined && { body: text }),
  };
  const sending = Promise.resolve(rig.app.request(`/api/v1${path}`, init));
  const response = await settled(rig.bench.clock, sending, 5_000);
  const type = response.headers.get('content-type') ?? '';
  const answer = await textOf(response, type);
  gone.abort();
  const wrong = judge(operation, { status: response.status, type, text: answer });
  const sent = `${init.method} ${path} ${JSON.stringify(init.headers)} ${text ?? ''}`;
  if (wrong !== undefined) throw new Error(`${sent.slice(0, 2_000)}\n${wrong}`);
  return { status: response.status };
}

/** Of an endless stream the beginning. */
async function textOf(response: Response, type: string): Promise<string> {
  if (type !== 'text/event-stream') return response.text();
  const client = new EventClient(response);
  await client.read();
  await client.cut();
  return client.blocks.join('\n\n');
}

function pathOf(request: HammerRequest, known: Known): string {
  const { params, query } = request;
  const path = operationOf(request).path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = filled(params[name], known);
    // A path has no empty segments, and no segments that mean others.
    const text = typeof value === 'string' ? value.toWellFormed() : JSON.stringify(value);
    return encodeURIComponent(text.trim() === '' || /^\.+$/.test(text) ? 'x' : text);
  });
  const search = new URLSearchParams();
  for (const [name, value] of query) {
    const given = filled(value, known);
    for (const one of Array.isArray(given) ? given : [given])
      search.append(name, typeof one === 'string' ? one : JSON.stringify(one));
  }
  return search.size === 0 ? path : `${path}?${search.toString()}`;
}

function note(tally: Tally, operation: string, status: number): void {
  const statuses = tally.get(operation) ?? new Map<number, number>();
  statuses.set(status, (statuses.get(status) ?? 0) + 1);
  tally.set(operation, statuses);
}
