/** Steps of one run in queues or at workers at once; keeps runs fair to each other. */
export const MAX_STEPS_IN_FLIGHT = 64;

/** Events a run's history may hold. */
export const MAX_HISTORY_EVENTS = 50_000;

/**
 * Kept free of what the outside can add without end (signals, retries, pauses), so that a run which reaches the
 * limit can still finish its steps, each of which needs at most two more events.
 */
export const HISTORY_RESERVE_EVENTS = 20_002;

/** Received signals that no step has used yet. */
export const MAX_BUFFERED_SIGNALS = 1_000;

/** Serialised size of a run's input, a step's input or output, and a signal's payload. */
export const MAX_PAYLOAD_BYTES = 1_048_576;

/** Claims of one attempt that ended without a report: past this the step itself is the likely cause. */
export const MAX_DELIVERIES = 5;
