import { workerData } from 'node:worker_threads';

/**
 * The thread that ends a supervised worker whose supervisor is gone and whose event loop is blocked: nothing in that loop
 * could. It starts nothing, and dies with its process.
 */
const { parentPid, limitMs } = workerData as { parentPid: number; limitMs: number }; // of watchForOrphaning
const LOOK_EVERY_MS = 1_000;

const looking = setInterval(() => {
  if (process.ppid === parentPid) return;
  clearInterval(looking);
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), limitMs);
}, LOOK_EVERY_MS);
