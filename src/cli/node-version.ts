// Runs on old Nodes too: only `node:` imports and syntax of Node 18 here.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';

export const MIN_NODE_MAJOR = 24;

export type NodeRuling =
  | { readonly kind: 'supported' }
  | { readonly kind: 'rerun'; readonly node: string }
  | { readonly kind: 'refused'; readonly message: string };

/**
 * Whether this Node can run Baton; else the pinned Node (npm package `node`) found upward from `directory`, in the
 * package's own node_modules or hoisted above it, if that one can.
 */
export function ruleOnNode(version: string, directory: string): NodeRuling {
  if (majorOf(version) >= MIN_NODE_MAJOR) return { kind: 'supported' };
  const node = findPinnedNode(directory);
  return node === undefined
    ? { kind: 'refused', message: refusal(version) }
    : { kind: 'rerun', node };
}

function refusal(version: string): string {
  return `baton needs Node ${MIN_NODE_MAJOR} or newer and this is ${version}: install it, or run "npm install node@${MIN_NODE_MAJOR}" beside baton-mcp`;
}

/** A pinned Node that is itself too old is no way out: it would start itself for ever. */
function findPinnedNode(directory: string): string | undefined {
  const base = join(directory, 'node_modules', 'node');
  const binary = join(base, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (existsSync(binary) && majorOf(packageVersion(base)) >= MIN_NODE_MAJOR) return binary;
  const parent = dirname(directory);
  return parent === directory ? undefined : findPinnedNode(parent);
}

function packageVersion(directory: string): string {
  try {
    const description: unknown = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    return String((description as { version?: unknown }).version); // whatever it holds becomes text
  } catch {
    return '0';
  }
}

function majorOf(version: string): number {
  return Number.parseInt(version.replace(/^v/, ''), 10) || 0;
}

/**
 * Runs the same command line under another Node: same standard streams, signals passed on, and a channel whose end tells
 * it that this process was killed. Answers its exit code, or 128 + number of the signal that ended it.
 */
export function rerun(node: string, args: readonly string[]): Promise<number> {
  const child = spawn(node, [...args], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  const forwarders = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((name) => {
    // A terminal sends Ctrl-C to the whole group: the child counts it twice if it is passed on as well.
    const forward = (): void => {
      if (name !== 'SIGINT' || !process.stdin.isTTY) child.kill(name);
    };
    process.on(name, forward);
    return () => process.off(name, forward);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      for (const stop of forwarders) stop();
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
