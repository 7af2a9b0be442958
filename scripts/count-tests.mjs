// Adds up the vitest reports (JSON) in a folder: what failed, with its message, then one line: N passed, N failed, N
// skipped. It comes last, so that whoever sees only the end of a log knows what to look at.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2];
const reports = readdirSync(folder).map((file) =>
  JSON.parse(readFileSync(join(folder, file), 'utf8')),
);
for (const suite of reports.flatMap((report) => report.testResults)) {
  const failures = suite.assertionResults.filter(({ status }) => status === 'failed');
  for (const { fullName, failureMessages } of failures) {
    console.log(`failed: ${suite.name}: ${fullName}\n${(failureMessages ?? []).join('\n')}`);
  }
  if (failures.length === 0 && suite.status === 'failed') {
    console.log(`failed: ${suite.name}\n${suite.message}`);
  }
}

const sum = (key) => reports.reduce((total, report) => total + report[key], 0);
const failed = sum('numFailedTests') + sum('numFailedTestSuites') * (sum('numFailedTests') === 0);
console.log(`${sum('numPassedTests')} passed, ${failed} failed, ${sum('numPendingTests')} skipped`);
process.exitCode = failed > 0 || sum('numPassedTests') === 0 ? 1 : 0;
