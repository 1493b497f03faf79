// Runs cells in Node's own REPL: JSON array of sources on stdin, JSON array of outcomes on stdout.

const repl = require('node:repl');
const util = require('node:util');
const { PassThrough } = require('node:stream');

const write = process.stdout.write.bind(process.stdout);
let out = [];
let err = [];
process.stdout.write = (text) => (out.push(String(text)), true);
process.stderr.write = (text) => (err.push(String(text)), true);

let uncaught = null;
process.on('uncaughtException', (error) => { uncaught ??= { error }; });
process.on('unhandledRejection', (error) => { uncaught ??= { error }; });

const shell = repl.start({ prompt: '', input: new PassThrough(), output: new PassThrough(), useGlobal: true, terminal: false });

setInterval(() => {}, 1e6); // keeps the process alive, and is one of the timers that `busy` counts
const busy = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length > 1;
const turn = () => new Promise((resolve) => globalThis.setImmediate(resolve));
// The REPL's own eval runs in a domain, where errors go before they come to any callback.
let onThrow = () => {};
shell._domain.removeAllListeners('error');
shell._domain.on('error', (error) => onThrow(error));

const describe = (error) =>
  util.types.isNativeError(error) ? { name: error.name, message: error.message } : { thrown: util.inspect(error) };

async function run(source) {
  out = [];
  err = [];
  uncaught = null;
  const result = await new Promise((resolve) => {
    onThrow = (error) => {
      uncaught ??= { error };
      resolve({ error });
    };
    shell.eval(`${source}\n`, shell.context, 'cell', (error, value) => resolve(error !== null ? { error } : { value }));
  });
  let { error, value } = result;
  let hasFailed = 'error' in result;
  try {
    if (util.types.isPromise(value)) value = await value;
  } catch (reason) {
    error = reason;
    hasFailed = true;
  }
  await turn();
  while (busy()) await turn();
  await turn();
  if (uncaught !== null && !hasFailed) {
    error = uncaught.error;
    hasFailed = true;
  }
  const text = value === undefined || value === null ? null : typeof value === 'string' ? value : util.inspect(value);
  return { text: hasFailed ? null : text, stdout: out.join(''), stderr: err.join(''), error: hasFailed ? describe(error) : null };
}

async function main() {
  let input = '';
  for await (const chunk of process.stdin) input += chunk;
  const outcomes = [];
  for (const source of JSON.parse(input)) outcomes.push(await run(source));
  write(JSON.stringify(outcomes), () => process.exit(0));
}

main();
