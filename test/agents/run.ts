/**
 * `npm run test:agents`: OpenCode, Gemini CLI and Cline CLI, each from npm and with a home of its own, drive the built
 * Baton through a whole workflow with a task for an agent: over stdio, and over HTTP behind a key. Their model is a script on loopback, so that neither an
 * account nor any network beyond npm is needed. Exits 0 only when every client passed.
 */
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BATON_MAIN } from './baton-cli.ts';
import type { AgentClient } from './clients/agent-client.ts';
import { CLINE } from './clients/cline.ts';
import { GEMINI } from './clients/gemini.ts';
import { OPENCODE } from './clients/opencode.ts';
import { driveClient } from './drive-client.ts';
import type { Findings } from './findings.ts';
import { reportText, transcriptText } from './report.ts';
import { TRANSPORTS, type Transport } from './register-baton.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

const CLIENTS = [OPENCODE, GEMINI, CLINE];

const USAGE = `Drives real coding agents against the built Baton (npm run build first).

  node test/agents/run.ts [--client NAME]… [--transport NAME]… [--keep DIR] [--out DIR] [--json]

  --client NAME     only this one: ${CLIENTS.map(({ name }) => name).join(', ')}; may be repeated
  --transport NAME  only this one: ${TRANSPORTS.join(', ')}; may be repeated
  --keep DIR        install the clients here and leave them for the next time; homes and stores stay too
  --out DIR         where the transcripts go (default: a new folder in the temporary directory)
  --json            findings as JSON on standard output instead of the table
  --baton FILE      main.js of another build
`;

interface Options {
  readonly clients: readonly AgentClient[];
  readonly transports: readonly Transport[];
  readonly keep: string | undefined;
  readonly out: string;
  readonly baton: string;
  readonly json: boolean;
}

/** Undefined when the usage is to be shown. */
function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      client: { type: 'string', multiple: true, default: CLIENTS.map(({ name }) => name) },
      transport: { type: 'string', multiple: true, default: [...TRANSPORTS] },
      keep: { type: 'string' },
      out: { type: 'string' },
      json: { type: 'boolean', default: false },
      baton: { type: 'string', default: BATON_MAIN },
      help: { type: 'boolean', default: false },
    },
  });
  const isKnown = (name: string): boolean => CLIENTS.some((client) => client.name === name);
  const isTransport = (name: string): boolean => TRANSPORTS.some((known) => known === name);
  if (values.help || !values.client.every(isKnown) || !values.transport.every(isTransport))
    return undefined;
  const baton = resolve(values.baton);
  if (!existsSync(baton)) throw new Error(`${baton} is missing: run "npm run build" first`);
  return {
    clients: CLIENTS.filter(({ name }) => values.client.includes(name)),
    transports: TRANSPORTS.filter((name) => values.transport.includes(name)),
    keep: values.keep,
    out: values.out ?? mkdtempSync(join(tmpdir(), 'baton-agents-transcripts-')),
    baton,
    json: values.json,
  };
}

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  const { keep, out } = options;
  mkdirSync(out, { recursive: true });
  const installDirectory = resolve(keep ?? createTemporaryFolder('baton-agents-install-').path);
  const all = await driveAll(options, installDirectory);
  process.stdout.write(`${options.json ? JSON.stringify(all, null, 2) : reportText(all)}\n`);
  process.stderr.write(`transcripts: ${out}\n`);
  return all.every(({ passed }) => passed) ? 0 : 1;
}

/** One after the other: each is to have the machine, and its timeouts, for itself. */
async function driveAll(options: Options, installDirectory: string): Promise<Findings[]> {
  const all: Findings[] = [];
  const { baton: main, out, keep, transports } = options;
  const tries = options.clients.flatMap((client) =>
    transports.map((transport) => ({ client, transport })),
  );
  for (const { client, transport } of tries) {
    process.stderr.write(`${client.title} ${client.version} over ${transport} …\n`);
    const drive = { main, transport, installDirectory, keep: keep !== undefined };
    const { findings, log } = await driveClient(client, drive);
    writeFileSync(join(out, `${client.name}-${transport}.md`), transcriptText(findings, log));
    all.push(findings);
  }
  return all;
}

// The exit ends every child and removes every temporary folder.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return 2;
});
