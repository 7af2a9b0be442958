import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** What is used of BullMQ: it is installed beside these files only, so its own types may be missing. */
export interface BullmqLibrary {
  readonly Queue: new (name: string, options: QueueOptions) => BullmqQueue;
  readonly FlowProducer: new (options: QueueOptions) => BullmqFlows;
  readonly Worker: new (
    name: string,
    process: (job: BullmqJob) => Promise<unknown>,
    options: QueueOptions & { readonly concurrency: number },
  ) => BullmqWorker;
}

interface QueueOptions {
  readonly connection: {
    readonly path: string;
    readonly maxRetriesPerRequest: null;
    readonly enableAutoPipelining: boolean;
  };
}

export interface JobOptions {
  readonly removeOnComplete: boolean;
}

export interface BullmqJob {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
  updateData(data: Readonly<Record<string, unknown>>): Promise<void>;
}

export interface BullmqQueue {
  add(name: string, data: object, options: JobOptions): Promise<unknown>;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

export interface FlowJob {
  readonly name: string;
  readonly queueName: string;
  readonly data: object;
  readonly opts: JobOptions;
  readonly children?: readonly FlowJob[];
}

export interface BullmqFlows {
  add(flow: FlowJob): Promise<unknown>;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

export interface BullmqWorker {
  on(event: 'completed', listener: (job: BullmqJob) => void): this;
  on(event: 'error', listener: (error: Error) => void): this;
  on(event: 'failed', listener: (job: unknown, error: Error) => void): this;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

const folder = import.meta.dirname;

/** Installs what package-lock.json beside this file pins, where it is missing. Scripts of packages are not run. */
export function installBullmq(): void {
  if (existsSync(join(folder, 'node_modules/bullmq/package.json'))) return;
  console.error(`… installing BullMQ into ${folder} (npm ci)`);
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
  });
}

export function loadBullmq(): BullmqLibrary {
  const load = createRequire(join(folder, 'package.json'));
  // The interface above names what BullMQ 6 documents; the lock file pins the version.
  return load('bullmq') as BullmqLibrary;
}
