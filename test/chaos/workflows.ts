/** Short workflows that between them use every way in which work can go on: handing on, timers, retries, signals. */
const FLOW = `
name: chaos-flow
steps:
  - { id: first, uses: chaos.effect }
  - { id: left, uses: chaos.effect, needs: [first], with: { lastsMs: 60 } }
  - { id: right, uses: chaos.effect, needs: [first], with: { succeedsAt: 2 }, retry: { maxAttempts: 3, initialDelay: 50ms } }
  - { id: pause, uses: wait, needs: [left], with: { for: 100ms } }
  - { id: last, uses: chaos.effect, needs: [pause, right] }
output: { attempts: "\${{ steps.right.attempts }}" }
`;

const SIGNALLED = `
name: chaos-signal
steps:
  - { id: first, uses: chaos.effect }
  - { id: go, uses: signal, with: { name: go } }
  - { id: last, uses: chaos.effect, needs: [first, go] }
`;

/** Longer than a lease: it must be renewed. */
const LONG = `
name: chaos-long
steps:
  - { id: first, uses: chaos.effect, with: { lastsMs: 1500 } }
  - { id: last, uses: chaos.effect, needs: [first] }
`;

const UNSAFE = `
name: chaos-unsafe
steps:
  - { id: first, uses: chaos.effect }
  - { id: risky, uses: chaos.effect, needs: [first], effect: unsafe, with: { lastsMs: 40 } }
  - { id: last, uses: chaos.effect, needs: [risky] }
`;

/** A command of its own process group, which must die with its worker. */
const SHELL = `
name: chaos-shell
steps:
  - id: first
    uses: shell
    with:
      command:
        - sh
        - -c
        - 'printf "{\\"runId\\":\\"%s\\",\\"step\\":\\"%s\\",\\"attempt\\":%s,\\"idempotencyKey\\":\\"%s\\",\\"atMs\\":%s,\\"pid\\":0}\\n" "$BATON_RUN_ID" "$BATON_STEP" "$BATON_ATTEMPT" "$BATON_IDEMPOTENCY_KEY" "$(date +%s%3N)" >> sink.jsonl; sleep 0.1'
  - { id: last, uses: chaos.effect, needs: [first] }
`;

export const DEFINITIONS = [FLOW, SIGNALLED, LONG, UNSAFE, SHELL] as const;

export type WorkflowName =
  'chaos-flow' | 'chaos-signal' | 'chaos-long' | 'chaos-unsafe' | 'chaos-shell';

/** As often as they stand here. */
export const MIX: readonly [WorkflowName, ...WorkflowName[]] = [
  'chaos-flow',
  'chaos-flow',
  'chaos-flow',
  'chaos-signal',
  'chaos-signal',
  'chaos-long',
  'chaos-unsafe',
  'chaos-shell',
];
