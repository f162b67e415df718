/* The worker that reads questions for meaning: the encoder of the terminal in onnxruntime-web, and
   the cosine of every stored passage. Everything it loads lies beside it, is named by its content
   and is kept by the browser for the next visit.

   Gets {open: files, maxTokens, output} once and then {id, text}; answers {progress}, {ready: passages},
   {id, cosines, classes} or {failed: sentence}. */

const CACHE = "dladvisor";
let encode;
let vectors;
let learned;

/** Reads files one by one, reports the share of bytes read, and keeps them for the next visit. */
class Shelf {
  constructor(files) {
    this.files = files;
    this.total = Object.values(files).reduce((sum, file) => sum + file.bytes, 0);
    this.done = 0;
  }

  address(name) {
    return new URL(this.files[name].path, import.meta.url).href;
  }

  async open() {
    // Only on https and localhost; elsewhere the browser's ordinary cache has to do.
    this.cache = await globalThis.caches?.open(CACHE).catch(() => undefined);
    const current = new Set(Object.keys(this.files).map((name) => this.address(name)));
    const folder = new URL(".", import.meta.url).href;
    for (const { url } of (await this.cache?.keys()) ?? []) {
      if (url.startsWith(folder) && !current.has(url)) await this.cache.delete(url);
    }
  }

  /** The bytes of a file, unpacked. */
  async read(name) {
    const address = this.address(name);
    let response = await this.cache?.match(address);
    if (!response) {
      response = await fetch(address);
      if (!response.ok) throw new Error(`${response.status} for ${address}`);
      const copy = response.clone();
      // A full disk is no reason to stop.
      this.cache?.put(address, copy).catch(() => {});
    }
    const parts = [];
    const reader = response.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      parts.push(part.value);
      this.done += part.value.length;
      postMessage({ progress: Math.min(this.done / this.total, 1), bytes: this.total });
    }
    const blob = new Blob(parts);
    if (!this.files[name].packed) return blob.arrayBuffer();
    const unpacked = blob.stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(unpacked).arrayBuffer();
  }

  async json(name) {
    return JSON.parse(new TextDecoder().decode(await this.read(name)));
  }
}

async function open(files, { maxTokens, output }) {
  const shelf = new Shelf(files);
  await shelf.open();
  const runtime = await import(shelf.address("runtime"));
  runtime.env.wasm.wasmBinary = await shelf.read("wasm");
  // More threads need headers that static hosts do not send.
  runtime.env.wasm.numThreads = 1;
  const { makeTokenizer } = await import(shelf.address("tokenizing"));
  const tokenize = makeTokenizer(await shelf.json("tokenizer"));
  const passages = await shelf.json("passages");
  passages.kinds = Uint8Array.from(passages.kinds);
  const session = await runtime.InferenceSession.create(await shelf.read("encoder"), {
    executionProviders: ["wasm"],
    // As in encoder.py: weights are multiplied out once, and activations stay as they are.
    extra: { session: { disable_quant_qdq: "1" } },
  });
  vectors = { ...passages.vectors, codes: new Uint8Array(await shelf.read("vectors")) };
  // The classifier of vectors: one row of weights a class.
  learned = files.learned && new Float32Array(await shelf.read("learned"));
  encode = async (text) => {
    const ids = BigInt64Array.from(tokenize(text, maxTokens), BigInt);
    const shape = [1, ids.length];
    const result = await session.run(
      {
        input_ids: new runtime.Tensor("int64", ids, shape),
        attention_mask: new runtime.Tensor("int64", ids.map(() => 1n), shape),
      },
      [output],
    );
    return result[output].data;
  };
  // The first run allocates; better now than with a question waiting.
  await encode("warm up");
  postMessage({ ready: passages });
}

/** The cosine of every stored vector to a unit vector. A code stands for low + step * code. */
function similarities(vector) {
  const { codes, dimension, low, step } = vectors;
  const count = codes.length / dimension;
  const base = low * vector.reduce((sum, value) => sum + value, 0);
  const cosines = new Float32Array(count);
  for (let row = 0, at = 0; row < count; row++) {
    let sum = 0;
    for (let n = 0; n < dimension; n++) sum += vector[n] * codes[at++];
    cosines[row] = base + step * sum;
  }
  return cosines;
}

/** What each class of the learnt classifier scores, without scale and bias. */
function classes(vector) {
  const scores = new Float64Array(learned ? learned.length / vector.length : 0);
  for (let row = 0, at = 0; row < scores.length; row++) {
    for (let n = 0; n < vector.length; n++) scores[row] += vector[n] * learned[at++];
  }
  return scores;
}

onmessage = async ({ data }) => {
  try {
    if (data.open) {
      await open(data.open, data);
    } else {
      const vector = await encode(data.text);
      postMessage({ id: data.id, cosines: similarities(vector), classes: classes(vector) });
    }
  } catch (error) {
    postMessage({ failed: String(error?.message ?? error) });
  }
};
