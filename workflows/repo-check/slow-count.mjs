// Counts slowly to its first argument. Each count is a heartbeat; a later attempt goes on from the last one.
import { setTimeout } from 'node:timers/promises';

const end = Number(process.argv[2] ?? 10);
const resumedFrom = JSON.parse(process.env.BATON_HEARTBEAT ?? '{}').count ?? 0;
for (let count = resumedFrom + 1; count <= end; count += 1) {
  await setTimeout(500);
  console.log(`::baton-heartbeat::${JSON.stringify({ count, end })}`);
}
console.log(JSON.stringify({ counted: end, resumedFrom }));
