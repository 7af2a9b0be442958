/** What `baton` ends with. Shown in `baton --help`; scripts count on it, so meanings never change. */
export const EXIT = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  notFound: 3,
  refused: 4,
  storeUnavailable: 5,
  runFailed: 6,
  runCancelled: 7,
  doctorFoundProblems: 8,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  0: 'done',
  1: 'unexpected error',
  2: 'wrong usage, bad input, or an invalid definition or configuration',
  3: 'no such run, workflow, step, approval, key or file',
  4: 'refused: the run is not in a state that allows it, or only somebody else may',
  5: 'the store is unavailable, locked, damaged, or of a newer Baton; or nothing answers at --http',
  6: 'the run failed',
  7: 'the run was cancelled',
  8: 'baton doctor found problems',
  130: 'interrupted',
};
