/** One transform: done as soon as it is started. */
export const GREET = `
name: greet
description: Says hello
input:
  type: object
  required: [who]
  properties: { who: { type: string } }
steps:
  - id: hello
    uses: transform
    with: { text: "hello \${{ input.who }}" }
output: { text: "\${{ steps.hello.output.text }}" }
`;

/** A command, then a signal, then a report. */
export const RELEASE = `
name: release
steps:
  - id: build
    uses: shell
    with: { command: [make, all] }
    retry: { maxAttempts: 2, initialDelay: 1m, jitter: none }
  - id: gate
    uses: signal
    needs: [build]
    with: { name: approve }
  - id: report
    uses: transform
    needs: [gate]
    with: { by: "\${{ steps.gate.output.by }}" }
output: { by: "\${{ steps.report.output.by }}" }
`;

/** An effect that must not be repeated blindly. */
export const PAYMENT = `
name: payment
steps:
  - id: pay
    uses: shell
    effect: unsafe
    with: { command: [pay, now] }
`;

export const TIMED = `
name: timed
steps:
  - { id: nap, uses: wait, with: { for: 1h } }
`;

/** Many independent transforms behind one signal, so that the run stands still with all of them open. */
export function wide(steps: number): string {
  const lines = Array.from(
    { length: steps },
    (_, at) => `  - { id: step_number_${at}, uses: transform, needs: [gate], with: { at: ${at} } }`,
  );
  return [
    'name: wide',
    'steps:',
    '  - { id: gate, uses: signal, with: { name: go } }',
    ...lines,
  ].join('\n');
}
