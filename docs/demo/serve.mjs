// Serves this folder on http://localhost:8000: any other server of static files does as well.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
  '.png': 'image/png',
  '.txt': 'text/plain; charset=utf-8',
};

/** A server of this folder; `report` gets what a page posts to /report. */
export function serve(port, report = () => {}) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    if (request.method === 'POST' && pathname === '/report') {
      const pieces = [];
      for await (const piece of request) pieces.push(piece);
      response.end();
      return report(JSON.parse(Buffer.concat(pieces).toString()));
    }
    const path = normalize(join(FOLDER, pathname === '/' ? 'index.html' : decodeURIComponent(pathname)));
    try {
      if (!path.startsWith(FOLDER)) throw new Error('outside of the folder');
      const bytes = await readFile(path);
      response.writeHead(200, { 'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream' });
      response.end(bytes);
    } catch {
      response.writeHead(404);
      response.end();
    }
  });
  return new Promise((ready) => server.listen(port, 'localhost', () => ready(server)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await serve(8000);
  console.log('http://localhost:8000');
}
