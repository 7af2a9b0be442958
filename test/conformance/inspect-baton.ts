import { join } from 'node:path';
import { startChild } from '../agents/child-process.ts';
import { createTemporaryFolder } from '../agents/temporary-folder.ts';
import { readServedUrl } from '../support/read-served-url.ts';
import { ERAS, type Era } from './inspector.ts';
import { inspectServer, type Inspection } from './inspect-server.ts';

/** What was looked at over one transport in one era. */
export interface Inspected {
  readonly transport: 'stdio' | 'http';
  readonly era: Era;
  readonly inspections: readonly Inspection[];
}

/** Inspects the built Baton over both transports in both eras, each on a store of its own. */
export async function inspectBaton(main: string): Promise<Inspected[]> {
  const all: Inspected[] = [];
  for (const era of ERAS) {
    all.push({ transport: 'stdio', era, inspections: await overStdio(main, era) });
    all.push({ transport: 'http', era, inspections: await overHttp(main, era) });
  }
  return all;
}

async function overStdio(main: string, era: Era): Promise<Inspection[]> {
  const home = createTemporaryFolder('baton-inspector-');
  try {
    return await inspectServer({
      era,
      options: ['-e', `BATON_STORE=${join(home.path, 'baton.db')}`],
      command: [process.execPath, main, 'mcp', '--toolsets', 'all'],
      home: home.path,
    });
  } finally {
    home.remove();
  }
}

async function overHttp(main: string, era: Era): Promise<Inspection[]> {
  const home = createTemporaryFolder('baton-inspector-');
  const server = startChild(process.execPath, [main, 'serve'], {
    cwd: home.path,
    env: {
      PATH: process.env['PATH'],
      HOME: home.path,
      BATON_STORE: join(home.path, 'baton.db'),
      BATON_HTTP_PORT: '0',
      BATON_MCP_TOOLSETS: 'all',
    },
  });
  try {
    const url = await readServedUrl(server);
    return await inspectServer({
      era,
      options: ['--transport', 'http', '--server-url', `${url}/mcp`],
      command: [],
      home: home.path,
    });
  } catch (error) {
    return [{ what: 'baton serve', fault: String(error) }];
  } finally {
    await server.end();
    home.remove();
  }
}
