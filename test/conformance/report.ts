import type { Inspected } from './inspect-baton.ts';
import { isDecisive, type ScenarioResult } from './suite-results.ts';

/** One line a scenario: how many checks succeeded, and what was at fault. */
export function suiteText(revision: string, results: readonly ScenarioResult[]): string {
  const decisive = results.filter(isDecisive);
  const optional = results.filter((result) => !isDecisive(result));
  const lines = decisive.map(({ scenario, standing, succeeded, faults }) =>
    row(verdictOf(faults), `${scenario} (${standing})`, `${succeeded} checks`, faults),
  );
  return [
    `== ${revision}`,
    ...lines,
    `${revision}: ${passedOf(decisive)} of ${decisive.length} scenarios passed`,
    ...(optional.length > 0
      ? [
          `${revision}: beside them ran ${optional.length} of optional extensions, which the fixture does not offer; passed: ${passedOf(optional)}`,
        ]
      : []),
  ].join('\n');
}

function passedOf(results: readonly ScenarioResult[]): number {
  return results.filter(({ faults }) => faults.length === 0).length;
}

function verdictOf(faults: readonly string[]): string {
  return faults.length === 0 ? 'passed' : 'FAILED';
}

/** One line for each thing that was looked at. */
export function inspectionsText(all: readonly Inspected[]): string {
  return all
    .flatMap(({ transport, era, inspections }) => [
      `== Inspector, ${transport}, ${era}`,
      ...inspections.map(({ what, fault }) =>
        row(
          fault === undefined ? 'passed' : 'FAILED',
          what,
          '',
          fault === undefined ? [] : [fault],
        ),
      ),
    ])
    .join('\n');
}

function row(verdict: string, what: string, count: string, faults: readonly string[]): string {
  const line = `${verdict.padEnd(7)} ${what.padEnd(62)} ${count}`.trimEnd();
  return [line, ...faults.map((fault) => `        ${fault}`)].join('\n');
}
