import { DatabaseSync } from 'node:sqlite';
import { APPLICATION_ID, MIGRATIONS } from '../../src/adapters/sqlite/schema.ts';
import { event } from './fixture.ts';

export const VERSION_ONE_SECRET = 'ab'.repeat(32);

/** What the first released Baton wrote for a finished run, a running one with open work, and one without an entry. */
const ROWS = `
  INSERT INTO runs (tenant, run_id, version, name, status, started_at, finished_at) VALUES
    ('acme', 'done', 2, 'x', 'completed', 1000, 2000),
    ('acme', 'running', 1, 'y', 'running', 3000, NULL),
    ('acme', 'silent', 1, NULL, NULL, NULL, NULL),
    ('other', 'done', 1, 'x', 'failed', 500, 600);
  INSERT INTO history (run, first_seq, events) VALUES
    (1, 1, '${event(1)}\n${event(2)}'), (2, 1, '${event(1)}'), (3, 1, '${event(1)}'), (4, 1, '${event(1)}');
  INSERT INTO snapshots (run, version, data) VALUES (1, 1, '{"state":1}');
  INSERT INTO commands (run, id, digest, answer) VALUES (1, 'start', 'd', '{"n":1}');
  INSERT INTO tasks (run, slot, attempt, queue, seq, enqueued_at) VALUES (2, 'a', 1, 'old', 7, 3000);
  INSERT INTO timers (run, id, due_at, claimable_at) VALUES (2, 't', 4000, 4000);
  INSERT INTO definitions (tenant, name, version, hash, document, registered_at)
    VALUES ('acme', 'x', 1, 'h', 'steps', 900);
  INSERT INTO kv (namespace, key, value, revision) VALUES ('n', 'k', '[1]', 6);
`;

/** Creates a file as the first released Baton left it, with `more` in it, and closes it. */
export function createVersionOneFile(path: string, more = ''): void {
  const db = new DatabaseSync(path);
  try {
    db.exec(`PRAGMA journal_mode = WAL; BEGIN; ${MIGRATIONS[0] ?? ''}
      INSERT INTO meta (id, secret, sequence) VALUES (1, '${VERSION_ONE_SECRET}', 7);
      ${ROWS} ${more};
      PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = 1; COMMIT;`);
  } finally {
    db.close();
  }
}
