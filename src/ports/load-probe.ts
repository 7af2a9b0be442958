/** How busy this process and its machine are. */
export interface LoadSample {
  /** 0..1 since the last sample: the share of time the event loop was busy. */
  readonly eventLoopUtilisation: number;
  /** Runnable or running work per core the process may use; 1 is a full machine. */
  readonly cpuLoadPerQuotaCore: number;
  /** 0..1: the share of the memory the process may use that is in use. */
  readonly memoryPressure: number;
}

export interface LoadProbe {
  sample(): LoadSample;
}
