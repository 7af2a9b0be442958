// Writes the report of a repo-check run, given as JSON on standard input, to the path in its first argument.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const path = resolve(process.argv[2]);
const { run, folders, checks, flakyAttempts } = JSON.parse(readFileSync(0, 'utf8'));
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
const report = `# Repository check

Run \`${run}\`. The flaky step took ${flakyAttempts} attempts.

${table(['check', 'result'], Object.entries(checks))}

${table(['folder', 'lines'], Object.entries(folders))}
`;
mkdirSync(dirname(path), { recursive: true });
// Written beside and renamed, so that a kill in between leaves the old report whole.
writeFileSync(`${path}.new`, report);
renameSync(`${path}.new`, path);
console.log(JSON.stringify({ path }));
