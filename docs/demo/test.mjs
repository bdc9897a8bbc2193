// Opens the page in headless Chromium and compares its heatmap of the cat with `onnxplain explain`.
//
//     docs/demo/make.sh && node docs/demo/test.mjs [path of onnxplain]

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { serve } from './serve.mjs';

const LIMIT = 1e-4; // of the largest relevance
const MOST_SECONDS = 2;
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const onnxplain = process.argv[2] ?? here('../../target/debug/onnxplain');
const folder = mkdtempSync(join(tmpdir(), 'onnxplain-demo-'));

/** What the page reports. */
async function inChromium() {
  let report;
  const reported = new Promise((resolve, reject) => {
    report = resolve;
    setTimeout(() => reject(new Error('the page reported nothing for five minutes')), 300_000).unref();
  });
  const server = await serve(0, (value) => report(value));
  const address = `http://localhost:${server.address().port}/?report`;
  const words = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
  const profile = `--user-data-dir=${join(folder, 'profile')}`;
  const chromium = spawn(process.env.CHROMIUM ?? 'chromium', [...words, profile, address], { stdio: 'ignore' });
  try {
    return await reported;
  } finally {
    const ended = new Promise((resolve) => chromium.on('exit', resolve));
    chromium.kill();
    await ended;
    server.close();
    server.closeAllConnections();
  }
}

/** The float32 numbers of a .npy file. */
function numbersOf(path) {
  const bytes = readFileSync(path);
  const begin = 10 + bytes.readUInt16LE(8);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset + begin, bytes.byteOffset + bytes.length));
}

/** The relevance of the same picture by the program, summed over the channels. */
function byProgram() {
  execFileSync(onnxplain, [
    'explain', here('../../sample-models/efficientnet_lite0.onnx'), here('cat.png'),
    '--resize', 'none', '--save', 'relevance', '-o', folder, '--quiet',
  ]);
  const relevance = numbersOf(join(folder, 'cat.relevance.npy'));
  const plane = relevance.length / 3;
  return Float32Array.from({ length: plane }, (_, at) =>
    relevance[at] + relevance[plane + at] + relevance[2 * plane + at]);
}

try {
  const page = await inChromium();
  const expected = byProgram();
  const most = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const off = page.heatmap.reduce((off, value, at) => Math.max(off, Math.abs(value - expected[at])), 0) / most;
  console.log(`class ${page.class}, logit ${page.logit.toFixed(4)}, ${off.toExponential(1)} of the largest relevance, ` +
    `${(page.first / 1000).toFixed(2)} s the first time, ${(page.milliseconds / 1000).toFixed(2)} s then`);
  if (page.heatmap.length !== expected.length || !(off <= LIMIT)) throw new Error(`the heatmap is off by ${off}`);
  if (!(page.milliseconds <= 1000 * MOST_SECONDS)) throw new Error(`it took ${page.milliseconds} ms`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
