import { createInterface } from 'node:readline';
const [pattern] = process.argv.slice(2);
let found = 0;
for await (const line of createInterface({ input: process.stdin })) {
  if (line.includes(pattern)) console.log(`${++found}: ${line}`);
}
process.exitCode = found === 0 ? 1 : 0;
