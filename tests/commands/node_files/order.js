setTimeout(() => console.log('timeout'), 0);
setTimeout(() => console.log('later'), 20);
Promise.resolve().then(() => console.log('job'));
process.nextTick(() => console.log('tick'));
process.on('beforeExit', () => {
  if (globalThis.asked) return;
  globalThis.asked = true;
  setTimeout(() => console.log('once more'), 1);
});
process.on('exit', (code) => console.log('exit', code));
console.log('sync');
