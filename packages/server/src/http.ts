/** HTTP beside ws: what people, probes and scrapers ask. The listener has checked the Host header already. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';

export interface HttpRoutes {
  readonly registry: Registry;
  /** Why not, in words; undefined: ready. */
  readonly notReady: () => string | undefined;
  /** Under /api/, by name: plain values. */
  readonly api: Readonly<Record<string, () => unknown>>;
  readonly allowOrigins: readonly string[];
}

export function httpHandler(routes: HttpRoutes): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      send(response, 405, 'only GET and HEAD\n');
      return;
    }
    if (path === '/livez') send(response, 200, 'alive\n');
    else if (path === '/readyz') sendReady(response, routes.notReady());
    else if (path === '/metrics') {
      response.setHeader('content-type', routes.registry.contentType);
      send(response, 200, await routes.registry.metrics());
    } else if (path.startsWith('/api/')) sendApi(request, response, { path, routes });
    else send(response, 404, `nothing at ${path}; there are /metrics, /livez, /readyz and ${apiPaths(routes)}\n`);
  };
}

function sendReady(response: ServerResponse, reason: string | undefined): void {
  if (reason === undefined) send(response, 200, 'ready\n');
  else send(response, 503, `not ready: ${reason}\n`);
}

/** A web page that nobody allowed learns nothing, not even by a request whose answer it cannot read. */
function sendApi(
  request: IncomingMessage,
  response: ServerResponse,
  { path, routes }: { readonly path: string; readonly routes: HttpRoutes },
): void {
  const { origin } = request.headers;
  if (origin !== undefined) {
    if (!routes.allowOrigins.includes(origin)) {
      send(response, 403, 'Origin not allowed\n');
      return;
    }
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('vary', 'Origin');
  }
  const name = path.slice('/api/'.length);
  const read = Object.hasOwn(routes.api, name) ? routes.api[name] : undefined;
  if (read === undefined) {
    send(response, 404, `nothing at ${path}; there are ${apiPaths(routes)}\n`);
    return;
  }
  response.setHeader('content-type', 'application/json');
  response.setHeader('cache-control', 'no-store');
  send(response, 200, `${JSON.stringify(read())}\n`);
}

function apiPaths({ api }: HttpRoutes): string {
  return Object.keys(api)
    .map((name) => `/api/${name}`)
    .join(', ');
}

function send(response: ServerResponse, status: number, body: string): void {
  if (!response.hasHeader('content-type')) response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.setHeader('x-content-type-options', 'nosniff');
  response.writeHead(status, { 'content-length': Buffer.byteLength(body) }).end(body);
}
