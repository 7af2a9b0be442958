import type { Clock } from '../../ports/clock.ts';
import type { IdSource } from '../../ports/id-source.ts';
import type { RunKey, RunStore } from '../../ports/run-store.ts';
import type { CommandEnvelope, Outcome } from './command-envelope.ts';
import { Mailbox } from './mailbox.ts';
import type { RunCache } from './run-cache.ts';

export type { CommandEnvelope, Outcome } from './command-envelope.ts';

export interface ExecuteCommand {
  /**
   * One pass of load, fold, decide, commit. Answers only after the store has. Commands that wait for the same run
   * share a commit. If the process dies meanwhile, the command was applied whole or not at all, and repeating it
   * with the same id is safe.
   */
  (key: RunKey, envelope: CommandEnvelope): Promise<Outcome>;
}

export interface ExecutePorts {
  readonly store: RunStore;
  readonly runs: RunCache;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Of the server's environment, what expressions may read: those of the default tenant, as it is the installation's. */
  readonly env: Readonly<Record<string, string>>;
}

export function createExecuteCommand(ports: ExecutePorts): ExecuteCommand {
  const mailboxes = new Map<string, Mailbox>();
  return (key, envelope) =>
    new Promise((settle, fail) => {
      const name = `${key.tenant}/${key.runId}`;
      const pending = { envelope, sentAtMs: ports.clock.now(), settle, fail };
      const known = mailboxes.get(name);
      if (known !== undefined) return known.add(pending);
      const mailbox = new Mailbox(ports, key, () => mailboxes.delete(name));
      mailboxes.set(name, mailbox);
      mailbox.add(pending);
      void mailbox.empty();
    });
}
