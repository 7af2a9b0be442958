import { Gauge, type Registry } from 'prom-client';
import type { McpEndpoint } from '../mcp/http/serve-connections.ts';

/** What is held for MCP clients. */
export function createSessionMetrics(registry: Registry, mcp: Pick<McpEndpoint, 'counts'>): void {
  const registers = [registry];
  new Gauge({
    name: 'baton_mcp_sessions',
    help: 'Sessions of MCP clients of revisions before 2026-07-28',
    registers,
    collect() {
      this.set(mcp.counts().sessions);
    },
  });
  new Gauge({
    name: 'baton_mcp_kept_bytes',
    help: 'Messages kept for clients whose stream was cut',
    registers,
    collect() {
      this.set(mcp.counts().eventBytes);
    },
  });
}
