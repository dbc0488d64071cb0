// ONNX Runtime at a graph of models.py. usage: node onnx.mjs FILE.onnx   (in a folder with node_modules/onnxruntime-node; THREADS, 2 if not set)
import { createRequire } from "node:module";
import path from "node:path";
const runtime = createRequire(path.join(process.cwd(), "here.js"))("onnxruntime-node");
const [file] = process.argv.slice(2), threads = +(process.env.THREADS ?? 2);
const session = await runtime.InferenceSession.create(file, { intraOpNumThreads: threads, interOpNumThreads: 1, graphOptimizationLevel: "all", executionProviders: ["cpu"] });
const numbers = f => new runtime.Tensor("int64", BigInt64Array.from({ length: 128 }, (_, i) => BigInt(f(i))), [1, 128]);
const feeds = session.inputNames.includes("tokens")
  ? { tokens: numbers(i => 100 + 37 * i), kinds: numbers(() => 0), mask: numbers(() => 1) }
  : { x: new runtime.Tensor("float32", Float32Array.from({ length: 3 * 224 * 224 }, (_, i) => Math.sin(i)), [1, 3, 224, 224]) };
const times = [];
for (let i = -5; i < 40; i++) {
  const start = performance.now();
  await session.run(feeds);
  if (i >= 0) times.push(performance.now() - start);
}
times.sort((a, b) => a - b);
const short = x => +x.toPrecision(4);
console.log(JSON.stringify({ name: path.basename(file, ".onnx"), value: short(times[20]), unit: "ms", min: short(times[0]), max: short(times[39]) }));
