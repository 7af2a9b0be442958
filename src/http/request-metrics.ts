import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Others are counted as one: clients may send any word as a method. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const MS_PER_SECOND = 1_000;

export interface AnsweredRequest {
  readonly method: string;
  /** Template, so that there are only so many. */
  readonly route: string;
  readonly status: number;
  readonly ms: number;
}

export interface RequestMetrics {
  answered(request: AnsweredRequest): void;
}

export function createRequestMetrics(
  registry: Registry,
  open: { readonly requests: () => number; readonly streams: () => number },
): RequestMetrics {
  const registers = [registry];
  const labelNames = ['method', 'route', 'status'] as const;
  const requests = new Counter({
    name: 'baton_http_requests_total',
    help: 'Requests answered, refused ones included',
    labelNames,
    registers,
  });
  const seconds = new Histogram({
    name: 'baton_http_request_duration_seconds',
    help: 'Time until the head of the response, waits that the client asked for included',
    labelNames: ['method', 'route'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
    registers,
  });
  new Gauge({
    name: 'baton_http_open_requests',
    help: 'Requests that are being answered',
    registers,
    collect() {
      this.set(open.requests());
    },
  });
  new Gauge({
    name: 'baton_http_open_streams',
    help: 'Event streams that are open',
    registers,
    collect() {
      this.set(open.streams());
    },
  });
  return {
    answered: ({ method: sent, route, status, ms }) => {
      const method = METHODS.has(sent) ? sent : 'other';
      requests.inc({ method, route, status: String(status) });
      seconds.observe({ method, route }, ms / MS_PER_SECOND);
    },
  };
}
