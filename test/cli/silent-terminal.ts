import { Terminal } from '../../src/cli/terminal.ts';

const silent = { write: () => true, on: () => undefined };

/** For views that are looked at as text: without colour, and without output of its own. */
export const silentTerminal = new Terminal({
  stdout: silent,
  stderr: silent,
  environment: {},
  json: false,
  noColor: true,
  onBroken: () => undefined,
});
