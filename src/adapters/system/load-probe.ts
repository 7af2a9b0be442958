import { availableParallelism, freemem, loadavg, totalmem } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { EventLoopUtilization } from 'node:perf_hooks';
import type { LoadProbe, LoadSample } from '../../ports/load-probe.ts';
import type { TextReader } from './cgroup.ts';
import { readCpuQuota, readMemoryLimits, readTextFile } from './cgroup.ts';

/** What the probe asks the machine; replaced in tests. */
export interface MachineReadings {
  readonly read: TextReader;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  readonly cores: () => number;
  /** Over the last minute, of the whole machine. */
  readonly loadAverage: () => number;
  readonly freeBytes: () => number;
  readonly totalBytes: () => number;
  readonly eventLoop: () => EventLoopUtilization;
}

const THIS_MACHINE: MachineReadings = {
  read: readTextFile,
  nowMs: () => performance.now(),
  cores: availableParallelism,
  loadAverage: () => loadavg()[0] ?? 0,
  freeBytes: freemem,
  totalBytes: totalmem,
  eventLoop: () => performance.eventLoopUtilization(),
};

/** Cores this process may use: what the scheduler offers or the cgroup's quota, whichever is less. May be a fraction. */
export function effectiveCores(machine: MachineReadings = THIS_MACHINE): number {
  const quota = readCpuQuota(machine.read)?.quotaCores;
  return Math.min(machine.cores(), quota ?? Number.POSITIVE_INFINITY);
}

/** The machine's own figure counts beside the limits: a generous limit on a full machine helps nobody. */
function memoryPressure(machine: MachineReadings): number {
  const shares = readMemoryLimits(machine.read).map(
    ({ usedBytes, limitBytes }) => usedBytes / limitBytes,
  );
  const ofMachine = 1 - machine.freeBytes() / machine.totalBytes();
  return Math.min(1, Math.max(ofMachine, ...shares));
}

interface Reading {
  readonly atMs: number;
  readonly demandMicros: number | undefined;
  readonly eventLoop: EventLoopUtilization;
}

function takeReading(machine: MachineReadings): Reading {
  return {
    atMs: machine.nowMs(),
    demandMicros: readCpuQuota(machine.read)?.demandMicros,
    eventLoop: machine.eventLoop(),
  };
}

/**
 * Under a quota: what the group used and was denied since the last sample, because the load average tells of the
 * whole machine, neighbours included. Without one: the load average, which lags by up to a minute.
 */
function cpuLoad(machine: MachineReadings, before: Reading, after: Reading): number {
  const cores = effectiveCores(machine);
  const elapsedMicros = (after.atMs - before.atMs) * 1_000;
  if (before.demandMicros === undefined || after.demandMicros === undefined || elapsedMicros <= 0) {
    return machine.loadAverage() / cores;
  }
  return Math.max(0, after.demandMicros - before.demandMicros) / elapsedMicros / cores;
}

function eventLoopUtilisation(before: Reading, after: Reading): number {
  const active = after.eventLoop.active - before.eventLoop.active;
  const idle = after.eventLoop.idle - before.eventLoop.idle;
  return active + idle > 0 ? active / (active + idle) : 0;
}

/**
 * Each sample covers the time since the last one and reads a few small files: once a second is fine, once a step is
 * not. Works on Linux with cgroups of either version, and on macOS by the operating system's own figures.
 */
export function createLoadProbe(machine: MachineReadings = THIS_MACHINE): LoadProbe {
  let before = takeReading(machine);
  return {
    sample() {
      const after = takeReading(machine);
      const sample: LoadSample = {
        eventLoopUtilisation: eventLoopUtilisation(before, after),
        cpuLoadPerQuotaCore: cpuLoad(machine, before, after),
        memoryPressure: memoryPressure(machine),
      };
      before = after;
      return sample;
    },
  };
}
