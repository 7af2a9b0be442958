#!/usr/bin/env node
// Old Nodes must get as far as the version check: it comes before any other import, and the syntax here is old too.
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const directory = fileURLToPath(new URL('.', import.meta.url));
const { ruleOnNode, rerun } = await import('./cli/node-version.ts');
const ruling = ruleOnNode(process.version, directory);

if (ruling.kind === 'supported') {
  const { start } = await import('./cli/start.ts');
  await start(process.argv.slice(2));
} else if (ruling.kind === 'rerun') {
  process.exitCode = await rerun(ruling.node, process.argv.slice(1));
} else {
  process.stderr.write(`${ruling.message}\n`);
  process.exitCode = 1;
}
