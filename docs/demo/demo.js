// A picture becomes bytes, the graph makes logits and a heatmap of them, and both are drawn.
//
// The graph takes uint8 [N, 224, 224, 3] and an int64 class for each picture (-1 is the strongest), and puts out logits
// [N, 1000] and heatmap [N, 224, 224]: make.sh wrote it.

import * as ort from './node_modules/onnxruntime-web/dist/ort.wasm.min.mjs';

const SIZE = 224;
const element = (id) => document.getElementById(id);
const say = (text) => { element('state').textContent = text; };

ort.env.wasm.numThreads = 1; // more need the headers of cross-origin isolation

const [session, labels] = await Promise.all([
  ort.InferenceSession.create('explainer.onnx', { executionProviders: ['wasm'] }),
  fetch('labels.txt').then((answer) => answer.text()).then((text) => text.trim().split('\n')),
]);

/** Draws the middle of a picture, as large as the network's input, and returns its bytes without the alpha channel. */
function bytesOf(picture) {
  const context = element('picture').getContext('2d', { willReadFrequently: true });
  const side = Math.min(picture.width, picture.height);
  // As the model's card says: the short side to 256 pixels, then the middle 224.
  const shown = side === SIZE ? SIZE : side * SIZE / 256;
  context.imageSmoothingQuality = 'high';
  context.drawImage(
    picture, (picture.width - shown) / 2, (picture.height - shown) / 2, shown, shown, 0, 0, SIZE, SIZE);
  const { data } = context.getImageData(0, 0, SIZE, SIZE);
  const bytes = new Uint8Array(SIZE * SIZE * 3);
  for (let pixel = 0; pixel < SIZE * SIZE; pixel++) {
    for (let channel = 0; channel < 3; channel++) bytes[3 * pixel + channel] = data[4 * pixel + channel];
  }
  return bytes;
}

/** Runs the graph: logits and heatmap of one picture, and how long it took. */
async function explain(bytes, target) {
  const input = session.inputNames.find((name) => name !== 'target');
  const begin = performance.now();
  const { logits, heatmap } = await session.run({
    [input]: new ort.Tensor('uint8', bytes, [1, SIZE, SIZE, 3]),
    target: new ort.Tensor('int64', BigInt64Array.of(BigInt(target)), [1]),
  });
  return { logits: logits.data, heatmap: heatmap.data, milliseconds: performance.now() - begin };
}

/** Red for relevance above 0, blue below, over the picture in grey. */
function draw(heatmap, bytes) {
  const context = element('heatmap').getContext('2d');
  const image = context.createImageData(SIZE, SIZE);
  // Single pixels are noisy: what is drawn is the mean of their neighbourhood.
  const smooth = blurred(blurred(heatmap, 1), SIZE);
  const most = smooth.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
  for (let pixel = 0; pixel < SIZE * SIZE; pixel++) {
    const [red, green, blue] = bytes.subarray(3 * pixel, 3 * pixel + 3);
    const gray = 0.8 * (0.299 * red + 0.587 * green + 0.114 * blue) + 51;
    const share = Math.min(1, 1.5 * Math.abs(smooth[pixel]) / most);
    const colour = smooth[pixel] > 0 ? [220, 20, 20] : [20, 60, 220];
    for (let channel = 0; channel < 3; channel++) {
      image.data[4 * pixel + channel] = (1 - share) * gray + share * colour[channel];
    }
    image.data[4 * pixel + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

/** The mean over seven neighbours along one axis. */
function blurred(values, step) {
  const count = values.length;
  return Float32Array.from(values, (_, at) => {
    let sum = 0;
    for (let offset = -3; offset <= 3; offset++) {
      const place = step === 1
        ? at - at % SIZE + Math.min(SIZE - 1, Math.max(0, at % SIZE + offset))
        : Math.min(count - SIZE + at % SIZE, Math.max(at % SIZE, at + offset * SIZE));
      sum += values[place];
    }
    return sum / 7;
  });
}

let current;

/** Explains the picture that is shown, for a class; -1 is the strongest. */
async function show(target) {
  say('Explaining …');
  const { logits, heatmap, milliseconds } = await explain(current, target);
  const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a]);
  const explained = target < 0 ? order[0] : target;
  draw(heatmap, current);
  element('name').textContent = labels[explained];
  element('classes').replaceChildren(...order.slice(0, 5).map((index) => {
    const button = document.createElement('button');
    button.textContent = `${labels[index]}: ${logits[index].toFixed(2)}`;
    button.setAttribute('aria-pressed', index === explained);
    button.onclick = () => show(index);
    const line = document.createElement('li');
    line.append(button);
    return line;
  }));
  say(`${labels[explained]}: explained in ${(milliseconds / 1000).toFixed(2)} s`);
  return { class: explained, logit: logits[explained], heatmap: Array.from(heatmap), milliseconds };
}

async function take(source) {
  try {
    current = bytesOf(await createImageBitmap(source, { colorSpaceConversion: 'none' }));
  } catch {
    return say('This is no picture that the browser can read.');
  }
  return show(-1);
}

const cat = () => fetch('cat.png').then((answer) => answer.blob()).then(take);

element('file').onchange = (event) => event.target.files[0] && take(event.target.files[0]);
element('cat').onclick = cat;
for (const type of ['dragover', 'dragleave', 'drop']) {
  element('drop').addEventListener(type, (event) => {
    event.preventDefault();
    element('drop').classList.toggle('over', type === 'dragover');
    if (type === 'drop' && event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
}

const first = await cat();
const second = await show(-1);
// test.mjs reads what came out.
if (new URLSearchParams(location.search).has('report')) {
  await fetch('/report', { method: 'POST', body: JSON.stringify({ ...second, first: first.milliseconds }) });
}
