import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const requirementsSchema = z.object({
  server: z.array(z.string()).min(1),
  not_scored: z.array(z.object({ scenario: z.string(), leg: z.string(), reason: z.string() })),
});

const checksSchema = z.array(
  z.looseObject({
    id: z.string(),
    status: z.enum(['SUCCESS', 'FAILURE', 'WARNING', 'SKIPPED', 'INFO']),
    errorMessage: z.string().optional(),
  }),
);
type Check = z.infer<typeof checksSchema>[number];

/** How one scenario of a revision ended. */
export interface ScenarioResult {
  readonly scenario: string;
  /** `scored`, or the suite's reason for not counting it. */
  readonly standing: string;
  readonly succeeded: number;
  /** What keeps it from having passed. */
  readonly faults: readonly string[];
}

/**
 * Reads what the suite wrote about a revision, by the list of scenarios that the revision asks for. Stricter than the
 * suite's own exit code: a scenario that did not run, or in which nothing was looked at, has not passed; nor has one with
 * a warning, or with a check that was left out.
 */
export function readSuiteResults(requirementsFile: string, folder: string): ScenarioResult[] {
  const { server, not_scored } = requirementsSchema.parse(
    parse(readFileSync(requirementsFile, 'utf8')),
  );
  const asked = [
    ...server.map((scenario) => ({ scenario, reason: 'scored' })),
    ...not_scored.filter(({ leg }) => leg === 'server'),
  ];
  const ran = readdirSync(folder);
  return asked.map(({ scenario, reason: standing }) => {
    const checks = ran
      .filter((name) => scenarioOf(name) === scenario)
      .flatMap((name) => readChecks(join(folder, name)));
    const succeeded = checks.filter(({ status }) => status === 'SUCCESS').length;
    return { scenario, standing, succeeded, faults: faultsOf(checks, succeeded) };
  });
}

/** Whether the result decides: extensions of the protocol are optional, everything else counts here. */
export function isDecisive({ standing }: ScenarioResult): boolean {
  return standing !== 'extension';
}

function scenarioOf(folderName: string): string {
  return folderName.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/, '');
}

function readChecks(folder: string): Check[] {
  return checksSchema.parse(JSON.parse(readFileSync(join(folder, 'checks.json'), 'utf8')));
}

function faultsOf(checks: readonly Check[], succeeded: number): string[] {
  if (succeeded === 0) return ['no check succeeded'];
  return checks
    .filter(({ status }) => status !== 'SUCCESS' && status !== 'INFO')
    .map(({ id, status, errorMessage = '' }) => `${status} ${id}: ${errorMessage}`);
}
