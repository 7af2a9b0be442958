import { REST_PATH } from './define-route.ts';

export function workflowPath(runId: string): string {
  return `${REST_PATH}/workflows/${encodeURIComponent(runId)}`;
}

export function definitionPath(name: string, version?: number): string {
  const reference = version === undefined ? name : `${name}@${version}`;
  return `${REST_PATH}/definitions/${encodeURIComponent(reference)}`;
}

export function workflowLinks(runId: string): Record<string, string> {
  const self = workflowPath(runId);
  return {
    self,
    stages: `${self}/stages`,
    history: `${self}/history`,
    graph: `${self}/graph`,
    explanation: `${self}/explanation`,
    approvals: `${self}/approvals`,
    events: `${REST_PATH}/events?run=${encodeURIComponent(runId)}`,
  };
}

/** RFC 8288; none on the last page. */
export function nextLink(
  path: string,
  query: Readonly<Record<string, string | number | undefined>>,
  isLast: boolean,
): Record<string, string> {
  if (isLast) return {};
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) given.append(name, String(value));
  return { link: `<${path}?${given.toString()}>; rel="next"` };
}
