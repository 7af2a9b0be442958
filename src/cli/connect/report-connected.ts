import type { Terminal } from '../terminal.ts';
import type { ConnectRequest, Connected } from './connect.ts';
import type { WantedServer } from './entry-words.ts';
import type { ProvenServer } from './prove-server.ts';
import { colouredDiff } from './shown-diff.ts';

/** What the command line says. */
export interface Given {
  readonly wanted: WantedServer | undefined;
  /** What answered at the URL, where it is one. */
  readonly server?: ProvenServer;
  readonly notes: readonly string[];
}

/** Tells what became of the request: for people with the difference, with `--json` as one document. */
export function reportConnected(
  terminal: Terminal,
  { client, scope, name, wanted, isDryRun }: ConnectRequest,
  { file, changed, backup, entry, diff, notes: found }: Connected,
  { server, notes: given }: Given,
): void {
  const notes = [...given, ...found];
  terminal.json({
    client: client.id,
    scope,
    name,
    file,
    changed,
    ...(backup !== undefined && { backup }),
    dry_run: isDryRun,
    ...(entry !== undefined && { entry }),
    ...(server !== undefined && { server }),
    diff,
    notes,
  });
  if (changed) terminal.line(`${colouredDiff(diff, terminal)}\n`);
  terminal.line(outcome(changed, isDryRun, wanted === undefined, `"${name}"`, client.title));
  terminal.line(`  ${file}`);
  if (server !== undefined)
    terminal.line(`  an MCP server answers there: ${identityOf(server)}, MCP ${server.protocol}`);
  if (backup !== undefined) terminal.line(`  what was there before: ${backup}`);
  if (!terminal.isJson) for (const note of notes) terminal.note(`note: ${note}`);
  if (changed && !isDryRun)
    terminal.line(`Next: ${wanted === undefined ? `Restart ${client.title}.` : client.next}`);
}

function identityOf({ name, version }: ProvenServer): string {
  return [name ?? '(no name)', version].filter((word) => word !== undefined).join(' ');
}

function outcome(
  changed: boolean,
  isDryRun: boolean,
  isRemoval: boolean,
  name: string,
  title: string,
): string {
  if (!changed)
    return isRemoval
      ? `${title} has no server ${name}; nothing to do.`
      : `${title} has the server ${name} already; nothing to do.`;
  const done = isRemoval ? `taken out of ${title}` : `registered in ${title}`;
  return isDryRun ? `${name} would be ${done}; nothing was written.` : `${name} is ${done}.`;
}
