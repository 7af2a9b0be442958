/**
 * Runs one command so that its process group cannot outlive the worker, not even after `kill -9` of the worker.
 * POSIX sh rather than Node: it starts in about 5 ms instead of 40.
 *
 * The guard must be the leader of its own process group. Descriptors: 3 is the lifeline, whose only other end is in
 * the worker; 4 takes the report. Line by line:
 * - The signals are ignored until the watcher runs, so that the watcher inherits that and outlives a SIGTERM to the
 *   group. Afterwards they are caught, not ignored: an ignored signal would be inherited by the command.
 * - bash in its POSIX mode does not say that a command was killed; the report counts on it (see `parseReport`).
 * - The watcher sees the end of the lifeline when the worker dies or lets go, and kills the group.
 * - The command runs in the foreground: in the background, sh would take away its stdin and make it ignore SIGINT.
 * - When the worker is gone, writing the report must not kill the guard before it has killed the rest.
 * - The watcher is killed and reaped first: otherwise every command would leave a zombie to process 1, which in a
 *   container is often a program that never reaps.
 *
 * Not covered: a descendant that leaves the group (`setsid`), and a group that stopped itself (SIGSTOP) while its
 * worker dies.
 */
export const GUARD_SCRIPT = `
trap '' HUP INT QUIT TERM
case "\${BASH_VERSION-}" in ?*) set +o posix ;; esac
{ read -r _; kill -s KILL -- "-$$"; } <&3 >/dev/null 2>&1 3<&- 4>&- &
trap : HUP INT QUIT TERM
exec 5>&2 2>&4
( exec "$@" 2>&5 3<&- 4>&- 5>&- )
set -- "$?"
trap '' PIPE
echo "exit $1" >&4
exec 2>/dev/null
kill -s KILL "$!"
wait "$!"
kill -s KILL -- "-$$"
`;

export type ReportedEnd =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'killed'; readonly signalNumber: number };

/**
 * sh folds "killed by signal n" into exit code 128 + n; it also names the signal in words before the status, and only
 * then. SIGINT and SIGPIPE are the exceptions, about which shells keep silent: those two read as exit codes 130 and
 * 141. `undefined`: the guard died before it could report.
 */
export function parseReport(report: string): ReportedEnd | undefined {
  const match = /(?:^|\n)exit (\d+)\n/.exec(report);
  if (match?.[1] === undefined) return undefined;
  const status = Number(match[1]);
  return match.index > 0 && status > 128
    ? { kind: 'killed', signalNumber: status - 128 }
    : { kind: 'exited', exitCode: status };
}
