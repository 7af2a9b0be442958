import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

/** The built program as a server over stdio, with the official client on the other end. */
export interface BatonProcess {
  readonly pid: number;
  /** Rejects when the server is gone; answers errors as they are. */
  call(tool: string, args: Record<string, unknown>): Promise<CallAnswer>;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

export interface CallAnswer {
  readonly isError: boolean;
  readonly text: string;
  readonly structured: Record<string, unknown>;
}

export async function startBatonProcess(
  environment: Record<string, string>,
  options: readonly string[] = [],
): Promise<BatonProcess> {
  if (!existsSync(MAIN)) throw new Error('dist is missing: run "npm run build" first');
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [MAIN, 'mcp', '--toolsets', 'all', ...options],
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stderr: 'inherit',
  });
  const client = new Client({ name: 'e2e', version: '1' });
  const gone = new Promise<void>((resolve) => (client.onclose = resolve));
  await client.connect(transport);
  const { pid } = transport;
  if (pid === null) throw new Error('the server has no process id');
  return {
    pid,
    call: async (name, args) => {
      const result = await client.callTool({ name, arguments: args });
      const texts = result.content.flatMap((part) => (part.type === 'text' ? part.text : []));
      return {
        isError: result.isError === true,
        text: texts.join('\n'),
        structured: (result.structuredContent ?? {}) as Record<string, unknown>, // an object by the specification
      };
    },
    kill: async () => {
      process.kill(pid, 'SIGKILL');
      await gone;
    },
    close: () => client.close(),
  };
}
