import { join } from 'node:path';
import { runChild } from '../agents/child-process.ts';
import { createTemporaryFolder } from '../agents/temporary-folder.ts';
import { serveFixture } from './serve-fixture.ts';
import { isDecisive, readSuiteResults, type ScenarioResult } from './suite-results.ts';
import { CONFORMANCE_MAIN, REQUIREMENTS_FOLDER } from './suites.ts';

/** The oldest and the newest that the suite has a list of required scenarios for. */
export const REVISIONS = ['2025-11-25', '2026-07-28'] as const;

const TIMEOUT_MS = 5 * 60_000;

/** Runs everything that `revision` asks of servers against a fixture of its own, and answers how each scenario ended. */
export async function runSuite(revision: string): Promise<ScenarioResult[]> {
  const out = createTemporaryFolder('baton-conformance-');
  const fixture = await serveFixture(out.path);
  try {
    const args = ['server', '--url', fixture.url, '--requirements', revision, '-o', out.path];
    const { code, stdout, stderr } = await runChild(process.execPath, [CONFORMANCE_MAIN, ...args], {
      cwd: out.path,
      env: process.env,
      timeoutMs: TIMEOUT_MS,
    });
    const results = readSuiteResults(join(REQUIREMENTS_FOLDER, `${revision}.yaml`), out.path);
    if (code !== 0 && results.filter(isDecisive).every(({ faults }) => faults.length === 0))
      throw new Error(`the suite ended with ${String(code)}: ${(stdout + stderr).slice(-1_500)}`);
    return results;
  } finally {
    await fixture.close();
    out.remove();
  }
}
