import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { QuickstartError } from './options.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

/** A Baton server over stdio, and the official MCP client that talks to it. */
export interface BatonServer {
  readonly pid: number;
  /** Throws when the tool answers an error. */
  call(tool: string, args: Record<string, unknown>): Promise<ToolText>;
  /** kill -9: no handler runs, nothing is flushed. Resolves when the process is gone. */
  kill(): Promise<void>;
  /** Closes standard input, as a client that ends does. */
  close(): Promise<void>;
}

export interface ToolText {
  readonly text: string;
  readonly structured: Record<string, unknown>;
}

export async function startBaton(environment: Record<string, string>): Promise<BatonServer> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [MAIN, 'mcp', '--toolsets', 'all'],
    env: { ...inherited(), ...environment },
    stderr: 'inherit',
  });
  const client = new Client({ name: 'baton-quickstart', version: '1.0.0' });
  const gone = new Promise<void>((resolve) => (client.onclose = resolve));
  try {
    await client.connect(transport);
  } catch {
    // Its own words stand above, on standard error.
    throw new QuickstartError('the server did not start');
  }
  const { pid } = transport;
  if (pid === null) throw new QuickstartError('the server did not start');
  return {
    pid,
    call: async (name, args) => {
      const result = await client.callTool({ name, arguments: args });
      const text = result.content
        .flatMap((part) => (part.type === 'text' ? part.text : []))
        .join('\n');
      if (result.isError === true) throw new Error(text);
      return { text, structured: (result.structuredContent ?? {}) as Record<string, unknown> }; // an object by the specification
    },
    kill: async () => {
      process.kill(pid, 'SIGKILL');
      await gone;
    },
    close: () => client.close(),
  };
}

function inherited(): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME };
}
