// Adds up the vitest reports (JSON) in a folder and prints them as one line: N passed, N failed, N skipped.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2];
const reports = readdirSync(folder).map((file) =>
  JSON.parse(readFileSync(join(folder, file), 'utf8')),
);
const sum = (key) => reports.reduce((total, report) => total + report[key], 0);
const failed = sum('numFailedTests') + sum('numFailedTestSuites') * (sum('numFailedTests') === 0);
console.log(`${sum('numPassedTests')} passed, ${failed} failed, ${sum('numPendingTests')} skipped`);
process.exitCode = failed > 0 || sum('numPassedTests') === 0 ? 1 : 0;
