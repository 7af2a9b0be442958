import { join } from 'node:path';

/** What to put into each client's configuration (shapes as of OpenCode 1.18, Gemini CLI 0.61, Cline 3.0). */
export function registrationLines(repository: string): string {
  const command = 'node';
  const args = [join(repository, 'dist/src/main.js'), 'mcp'];
  const entry = (value: object): string => JSON.stringify(value);
  return [
    `  OpenCode, opencode.json:`,
    `    ${entry({ mcp: { baton: { type: 'local', command: [command, ...args], enabled: true } } })}`,
    `  Gemini CLI, .gemini/settings.json:`,
    `    ${entry({ mcpServers: { baton: { command, args } } })}`,
    `  Cline, cline_mcp_settings.json:`,
    `    ${entry({ mcpServers: { baton: { type: 'stdio', command, args, disabled: false } } })}`,
  ].join('\n');
}
