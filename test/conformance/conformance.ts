/**
 * `npm run conformance`: the official suite against the production transport with a fixture server behind it, in each
 * revision that the suite has a list of requirements for, and the Inspector's command line against the built Baton over
 * stdio and HTTP, in both eras. Exits 0 only when everything passed.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BATON_MAIN } from '../agents/baton-cli.ts';
import { inspectBaton } from './inspect-baton.ts';
import { inspectionsText, suiteText } from './report.ts';
import { REVISIONS, runSuite } from './run-suite.ts';
import { isDecisive } from './suite-results.ts';
import { installSuites } from './suites.ts';

const USAGE = `Runs the official conformance suite, and the Inspector against the built Baton (npm run build first).

  node test/conformance/conformance.ts [--suite] [--inspector] [--baton FILE]

  --suite       only the suite
  --inspector   only the Inspector
  --baton FILE  main.js of another build
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      suite: { type: 'boolean', default: false },
      inspector: { type: 'boolean', default: false },
      baton: { type: 'string', default: BATON_MAIN },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const isBoth = values.suite === values.inspector;
  const baton = resolve(values.baton);
  if ((isBoth || values.inspector) && !existsSync(baton))
    throw new Error(`${baton} is missing: run "npm run build" first`);
  await installSuites();
  const hasConformed = values.suite || isBoth ? await conform() : true;
  const isSound = values.inspector || isBoth ? await inspectEverything(baton) : true;
  return hasConformed && isSound ? 0 : 1;
}

async function conform(): Promise<boolean> {
  let hasPassed = true;
  for (const revision of REVISIONS) {
    const results = await runSuite(revision);
    process.stdout.write(`${suiteText(revision, results)}\n`);
    hasPassed &&= results.filter(isDecisive).every(({ faults }) => faults.length === 0);
  }
  return hasPassed;
}

async function inspectEverything(baton: string): Promise<boolean> {
  const inspections = await inspectBaton(baton);
  process.stdout.write(`${inspectionsText(inspections)}\n`);
  return inspections.every((one) => one.inspections.every(({ fault }) => fault === undefined));
}

// The exit ends every child and removes every temporary folder.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return 2;
});
