import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { REQUIRED_SCOPES } from '../../../src/application/application.ts';
import { takes } from '../../../src/http/rest/define-route.ts';
import { restDocument } from '../../../src/http/rest/openapi/rest-document.ts';
import { withDocument } from '../../../src/http/rest/openapi/openapi-route.ts';
import { routes as table } from '../../../src/http/rest/routes/index.ts';
import { tools } from '../../../tools/index.ts';
import { createRig } from './rig.ts';

const routes = withDocument(table, '0.0.0-test');

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    expect(await validator.validate(restDocument('1.2.3'))).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  it('is served as it is committed, but for the version', async () => {
    const served = await createRig().get('/openapi.json');
    expect(served.type).toBe('application/json');
    expect(served.json).toEqual(restDocument('0.0.0-test'));
  });

  it('names each operation once, as the tool that does the same', () => {
    const names = routes.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const places = routes.map(({ method, path }) => `${method} ${path}`);
    expect(new Set(places).size).toBe(places.length);
    const shared = tools.filter(({ name }) => names.includes(name));
    expect(shared.length).toBeGreaterThan(10);
    for (const { name, scope } of shared)
      expect([name, routes.find((route) => route.name === name)?.scope]).toEqual([name, scope]);
  });

  it.each(routes.map((route) => [route.name, route]))('describes %s whole', (_name, route) => {
    const { path, params, body, example, useCase, scope, statuses } = route;
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect(Object.keys(params.shape)).toEqual(inPath);
    expect(example !== undefined).toBe(takes(body));
    if (takes(body)) expect(body.safeParse(example).error?.issues).toBeUndefined();
    expect(scope).toBe(useCase && REQUIRED_SCOPES[useCase]);
    expect(Object.keys(statuses).length).toBeGreaterThan(0);
  });
});
