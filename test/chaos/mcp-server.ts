import { Client } from '@modelcontextprotocol/client';
import type { CallAnswer } from '../e2e/baton-process.ts';
import { ChildTransport } from './child-transport.ts';
import type { Launch } from './launch.ts';

/** `baton mcp` with the official client on the other end. */
export interface McpServer {
  readonly pid: number;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** Rejects when the server ends before it has answered. */
  call(tool: string, args: Record<string, unknown>): Promise<CallAnswer>;
  close(): Promise<void>;
}

/** Longer than any call may take: one that is not answered by then is a finding. */
const CALL_LIMIT_MS = 30_000;

export async function startMcpServer(launch: Launch): Promise<McpServer> {
  const transport = new ChildTransport(launch, ['mcp', '--toolsets', 'all']);
  const client = new Client({ name: 'chaos', version: '1' });
  const early = transport.ended.then((end) => {
    throw new Error(`the server ended (${end})`);
  });
  early.catch(() => undefined);
  await Promise.race([client.connect(transport), early]);
  return {
    pid: transport.pid,
    ended: transport.ended,
    call: async (name, args) => {
      const asked = client.callTool({ name, arguments: args }, { timeout: CALL_LIMIT_MS });
      // Whichever comes first; the other is nobody's business any more.
      asked.catch(() => undefined);
      const result = await Promise.race([asked, early]);
      const texts = result.content.flatMap((part) => (part.type === 'text' ? part.text : []));
      return {
        isError: result.isError === true,
        text: texts.join('\n'),
        structured: (result.structuredContent ?? {}) as Record<string, unknown>, // an object by the specification
      };
    },
    close: () => transport.close(),
  };
}
