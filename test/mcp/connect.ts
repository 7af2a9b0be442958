import { Client, InMemoryTransport } from '@modelcontextprotocol/client';
import type { CallToolResult, ClientOptions } from '@modelcontextprotocol/client';
import { onTestFinished } from 'vitest';
import { serveMcp, type ServeMcpOptions } from '../../src/mcp/stdio.ts';
import type { Logger } from '../../src/ports/logger.ts';
import { createWorkbench, type Workbench } from '../application/workbench.ts';

export interface Session {
  readonly bench: Workbench;
  readonly client: Client;
  /** Messages with their fields, as they were logged. */
  readonly logged: string[];
  call(name: string, args?: Record<string, unknown>): Promise<CallToolResult>;
}

export const MODERN: ClientOptions = { versionNegotiation: { mode: { pin: '2026-07-28' } } };

/** The real client, connected to the server over a pair of in-memory transports; closed when the test ends. */
export async function connect(
  options: Partial<ServeMcpOptions> & {
    readonly client?: ClientOptions;
    readonly bench?: Workbench;
  } = {},
): Promise<Session> {
  const { client: clientOptions, bench = createWorkbench(), ...serverOptions } = options;
  const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
  const { logger, logged } = collectingLogger();
  const service = await serveMcp({
    application: bench.application,
    logger,
    version: '0.0.0-test',
    toolsets: 'all',
    onClosed: () => undefined,
    transport: serverSide,
    ...serverOptions,
  });
  const client = new Client({ name: 'test client', version: '1.0.0' }, clientOptions);
  await client.connect(clientSide);
  onTestFinished(async () => {
    await client.close();
    await service.close();
  });
  const call = async (name: string, args: Record<string, unknown> = {}) =>
    client.callTool({ name, arguments: args });
  return { bench, client, logged, call };
}

export function collectingLogger(): { logger: Logger; logged: string[] } {
  const logged: string[] = [];
  const log = (fields: object, message: string) =>
    void logged.push(`${message} ${JSON.stringify(fields)}`);
  return { logger: { debug: log, info: log, warn: log, error: log }, logged };
}

export function textOf(result: CallToolResult): string {
  return result.content.map((part) => (part.type === 'text' ? part.text : '')).join('\n');
}

/** Text whose lines are marked as data, as it was. */
export function unbarred(text: string): string {
  return text.replaceAll(/^\| /gm, '');
}

/** A field of the structured part, for tests that go on with it. */
export function fieldOf(result: CallToolResult, name: string): unknown {
  const structured = new Map<string, unknown>(Object.entries(result.structuredContent ?? {}));
  return structured.get(name);
}
