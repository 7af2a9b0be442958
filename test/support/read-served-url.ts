import { createInterface } from 'node:readline';
import { withTimeout, type Child } from '../agents/child-process.ts';

const START_TIMEOUT_MS = 30_000;

/** The address, without a path, that a `baton serve` names on its standard output when it listens. */
export function readServedUrl(server: Child): Promise<string> {
  return withTimeout(readUrl(server), START_TIMEOUT_MS, 'the start of baton serve');
}

async function readUrl(server: Child): Promise<string> {
  for await (const line of createInterface(server.stdout)) {
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
    if (url === undefined) continue;
    server.stdout.resume();
    return url;
  }
  throw new Error(`baton serve did not start: ${server.stderrText()}`);
}
