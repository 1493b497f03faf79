function inner(value) {
  throw new TypeError('bad ' + value);
}
function outer() {
  inner(7);
}
outer();
