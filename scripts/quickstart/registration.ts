import { join } from 'node:path';

/** What to put into each client's configuration (shapes as of OpenCode 1.18, Gemini CLI 0.61, Cline 3.0). */
export function registrationLines(repository: string): string {
  const command = 'node';
  const args = [join(repository, 'dist/src/main.js'), 'mcp', '--toolsets', 'all'];
  // Shell steps are off until the programs they may run are named.
  const env = { BATON_SHELL_ALLOW: 'node,npm,git' };
  const entry = (value: object): string => JSON.stringify(value);
  return [
    `  OpenCode, opencode.json:`,
    `    ${entry({ mcp: { baton: { type: 'local', command: [command, ...args], environment: env, enabled: true } } })}`,
    `  Gemini CLI, .gemini/settings.json:`,
    `    ${entry({ mcpServers: { baton: { command, args, env } } })}`,
    `  Cline, cline_mcp_settings.json:`,
    `    ${entry({ mcpServers: { baton: { type: 'stdio', command, args, env, disabled: false } } })}`,
  ].join('\n');
}
