import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Answers `undefined` for a file that is missing or unreadable. */
export type TextReader = (path: string) => string | undefined;

/** The tightest CPU quota that holds for this process, and what the group that carries it has used. */
export interface CpuQuota {
  readonly quotaCores: number;
  /** CPU time used plus time that runnable processes were held back; grows. `undefined`: not accounted. */
  readonly demandMicros: number | undefined;
}

export interface MemoryLimit {
  readonly limitBytes: number;
  /** Without file pages that the kernel can drop at once: after a build they fill the limit and press nobody. */
  readonly usedBytes: number;
}

const ROOT = '/sys/fs/cgroup';

export function readTextFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** The group's directory and its ancestors, nearest first: any of them may hold a limit. */
function ancestors(mount: string, group: string): string[] {
  const directories: string[] = [];
  for (let path = group; path !== '/' && path !== '.'; path = dirname(path)) {
    directories.push(join(mount, path));
  }
  // Inside a container the group of version 1 is the host's path and does not exist; the mount itself is the group.
  return [...directories, mount];
}

/** `controller` of version 1; '' finds the one group of version 2. */
function directoriesOf(read: TextReader, controller: string): string[] {
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers = '', ...group] = line.split(':');
    if (line !== '' && controllers.split(',').includes(controller)) {
      return ancestors(join(ROOT, controller), group.join(':'));
    }
  }
  return [];
}

/** "max" and nothing at all are no number. */
function parseNumber(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? '';
  const value = Number(trimmed);
  return trimmed !== '' && Number.isFinite(value) ? value : undefined;
}

/** A field of a "name value" file such as cpu.stat. */
function field(text: string | undefined, name: string): number | undefined {
  const line = text?.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return parseNumber(line?.slice(name.length));
}

function cores(limit: number | undefined, period: number | undefined): number | undefined {
  const known = limit !== undefined && period !== undefined;
  return known && limit > 0 && period > 0 ? limit / period : undefined;
}

/** cpu.max is "max 100000" or "50000 100000". */
function readQuotaOfVersion2(read: TextReader, directory: string): CpuQuota | undefined {
  const [limit, period] = (read(join(directory, 'cpu.max')) ?? '').trim().split(' ');
  const quotaCores = cores(parseNumber(limit), parseNumber(period));
  if (quotaCores === undefined) return undefined;
  const stat = read(join(directory, 'cpu.stat'));
  const usage = field(stat, 'usage_usec');
  const demandMicros =
    usage === undefined ? undefined : usage + (field(stat, 'throttled_usec') ?? 0);
  return { quotaCores, demandMicros };
}

/** A quota of -1 means none; times are in nanoseconds. */
function readQuotaOfVersion1(
  read: TextReader,
  directory: string,
  accounting: string | undefined,
): CpuQuota | undefined {
  const quotaCores = cores(
    parseNumber(read(join(directory, 'cpu.cfs_quota_us'))),
    parseNumber(read(join(directory, 'cpu.cfs_period_us'))),
  );
  if (quotaCores === undefined) return undefined;
  const usage =
    accounting === undefined ? undefined : parseNumber(read(join(accounting, 'cpuacct.usage')));
  const throttled = field(read(join(directory, 'cpu.stat')), 'throttled_time') ?? 0;
  return {
    quotaCores,
    demandMicros: usage === undefined ? undefined : (usage + throttled) / 1_000,
  };
}

/** `undefined`: no quota, or no cgroups at all (macOS). Source: kernel documentation, cgroup-v2 and sched-bwc. */
export function readCpuQuota(read: TextReader): CpuQuota | undefined {
  const accounting = directoriesOf(read, 'cpuacct');
  const quotas = [
    ...directoriesOf(read, '').map((path) => readQuotaOfVersion2(read, path)),
    ...directoriesOf(read, 'cpu').map((path, index) =>
      readQuotaOfVersion1(read, path, accounting[index]),
    ),
  ];
  return quotas
    .filter((quota) => quota !== undefined)
    .reduce<CpuQuota | undefined>(
      (least, quota) =>
        least === undefined || quota.quotaCores < least.quotaCores ? quota : least,
      undefined,
    );
}

function memoryLimit(
  limit: number | undefined,
  used: number | undefined,
  droppable: number | undefined,
): MemoryLimit | undefined {
  if (limit === undefined || used === undefined || limit <= 0) return undefined;
  return { limitBytes: limit, usedBytes: Math.max(0, used - (droppable ?? 0)) };
}

/**
 * Every limit that holds for this process. Version 1 writes "unlimited" as a number near 2^63: harmless, since nothing
 * comes near it.
 */
export function readMemoryLimits(read: TextReader): MemoryLimit[] {
  const version2 = directoriesOf(read, '').map((path) =>
    memoryLimit(
      parseNumber(read(join(path, 'memory.max'))),
      parseNumber(read(join(path, 'memory.current'))),
      field(read(join(path, 'memory.stat')), 'inactive_file'),
    ),
  );
  const version1 = directoriesOf(read, 'memory').map((path) =>
    memoryLimit(
      parseNumber(read(join(path, 'memory.limit_in_bytes'))),
      parseNumber(read(join(path, 'memory.usage_in_bytes'))),
      field(read(join(path, 'memory.stat')), 'total_inactive_file'),
    ),
  );
  return [...version2, ...version1].filter((limit) => limit !== undefined);
}
