// Prints the lines of TypeScript source per folder as JSON.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const folders = {};
for (const root of ['src', 'tools'])
  for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' }))
    if (file.endsWith('.ts')) {
      const path = join(root, file);
      const folder = dirname(path).split('/').slice(0, 2).join('/');
      folders[folder] = (folders[folder] ?? 0) + readFileSync(path, 'utf8').split('\n').length - 1;
    }
console.log(JSON.stringify({ folders }));
